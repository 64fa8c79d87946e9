"""Readiness of a deployment, as its own port for that (`http.debug.addr`) tells it."""

from lading.client.doctor.caller import DeploymentCaller
from lading.client.doctor.findings import DeploymentFinding, ok, wrong


def check_readiness(caller: DeploymentCaller, url: str) -> DeploymentFinding:
    """Whether the registry says, at `/readyz` of an address, that it can serve, and has room."""
    headers = {"Accept": "application/json"}
    answer = caller.bare("GET", f"{url.rstrip('/')}/readyz", headers)
    failing = {name: why for name, why in answer.document().items() if why != "ok"}
    if answer.status == 200:
        return ok("the registry is ready, and has room")
    if answer.status == 503 and failing:
        said = "; ".join(f"{name}: {why}" for name, why in failing.items())
        advice = "make room: `lading garbage-collect`, or a larger volume"
        if "room" not in failing:
            advice = "mend what is named; the registry's log says more"
        return wrong(f"the registry is not ready: {said}", advice)
    return wrong(
        f"{url}/readyz is answered with {answer.status}",
        "name the address of `http.debug.addr`; `http.debug.allowed` says who may ask",
    )
