"""Addresses of deployments, as people type them."""

import pytest

from lading.client.doctor.address import DeploymentAddress
from lading.client.errors import ReferenceInvalid


@pytest.mark.parametrize("typed", ["[::1", "registry:99999", "registry:x", "ftp://registry", ""])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ReferenceInvalid):
        DeploymentAddress.parse(typed)
