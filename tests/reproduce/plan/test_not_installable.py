from __future__ import annotations

import pytest

from contexta.findings import Missing
from contexta.reproduce.plan.not_installable import in_words, usual_index, way_out


def missing(*pins: str) -> list[Missing]:
    releases = (pin.partition("==") for pin in pins)
    return [
        Missing(name=name, version=version, reason="no wheel", detail="no wheel here") for name, _, version in releases
    ]


@pytest.mark.parametrize(
    ("name", "version", "option"),
    [
        ("torch", "2.1.0+cu118", "--extra-index-url https://download.pytorch.org/whl/cu118"),
        ("torchvision", "0.16.0+cpu", "--extra-index-url https://download.pytorch.org/whl/cpu"),
        ("torch", "2.4.0+rocm6.1", "--extra-index-url https://download.pytorch.org/whl/rocm6.1"),
        (
            "jaxlib",
            "0.4.20+cuda12.cudnn89",
            "--find-links https://storage.googleapis.com/jax-releases/jax_cuda_releases.html",
        ),
        ("torch-scatter", "2.1.2+pt21cu118", "--find-links https://data.pyg.org/whl/torch-2.1.0+cu118.html"),
        ("dgl", "1.1.2+cu118", "--find-links https://data.dgl.ai/wheels/cu118/repo.html"),
        ("mine", "1.0+abc", "--extra-index-url URL"),
        ("numpy", "1.26.2", None),
    ],
)
def test_a_local_version_names_the_usual_index(name: str, version: str, option: str | None) -> None:
    assert usual_index(name, version) == option


def test_each_missing_package_is_listed_once_with_its_sides() -> None:
    message = in_words({"old": missing("a==1", "b==2"), "new": missing("b==2")})
    assert message.startswith("2 of the pinned packages cannot be installed here: ")
    assert "a 1 of OLD (no wheel here); b 2 of OLD and NEW (no wheel here)" in message


@pytest.mark.parametrize(
    ("system", "lost", "pinned", "message"),
    [
        ("Linux", "pywin32==306", ("pywinpty", "numpy"), "these pins are of Windows (pywin32, pywinpty)"),
        ("Windows", "uvloop==0.19", ("numpy", "triton"), "these pins are of Linux (triton, uvloop)"),
        (
            "Linux",
            "tensorflow-macos==2.9",
            ("appnope", "pyobjc-core"),
            "these pins are of macOS (appnope, pyobjc-core, ",
        ),
    ],
)
def test_pins_of_another_platform_are_named_and_can_be_skipped(
    system: str, lost: str, pinned: tuple[str, ...], message: str
) -> None:
    advice = way_out({"old": missing(lost), "new": []}, {*pinned, lost.partition("==")[0]}, system)
    assert message in advice
    assert "--skip numpy" not in advice
    assert f"--skip {lost.partition('==')[0]}" in advice


def test_pins_of_this_platform_are_not_called_foreign() -> None:
    assert "these pins are of" not in way_out({"old": missing("uvloop==9"), "new": []}, {"uvloop", "pywin32"}, "Linux")
