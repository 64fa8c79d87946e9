def test_x(deployment): pass
