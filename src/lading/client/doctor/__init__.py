"""Examination of a deployment from where its clients are: what is wrong, and the line to change."""

from lading.client.doctor.examination import DoctorOptions, examine
from lading.client.doctor.findings import DeploymentFinding, FindingState

__all__ = ["DeploymentFinding", "DoctorOptions", "FindingState", "examine"]
