"""A machine's pip settings as a build takes them: the index goes along, the machine's own matters stay."""

from pathlib import Path

from scripts.image.pip_settings import settings


def test_the_environment_wins_and_certificates_go_their_own_way(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    listed = "\n".join(
        [
            ":env:.index-url='https://env.example/simple'",
            "global.index-url='https://file.example/simple'",
            f"global.cert='{ca}'",
            "global.target='/somewhere'",
            "global.constraint='/somewhere/constraints.txt'",
            "install.no-compile='1'",
        ]
    )
    found = settings(listed, {})
    assert found.config == "[global]\nindex-url = https://env.example/simple\nno-compile = 1\n"
    assert found.ca == ca
    assert found.folders == ()
    assert found.places == ("https://env.example/simple",)


def test_local_folders_are_named(tmp_path: Path) -> None:
    wheels, index = tmp_path / "wheels", tmp_path / "index" / "simple"
    wheels.mkdir()
    index.mkdir(parents=True)
    listed = (
        f"global.find-links='{wheels}'\nglobal.extra-index-url='file://{index} https://more.example/simple'\n"
    )
    found = settings(listed, {})
    assert set(found.folders) == {index.parent, wheels}
    assert f"extra-index-url = \n    file://{index}\n    https://more.example/simple\n" in found.config
    assert set(found.places) == {str(wheels), f"file://{index}", "https://more.example/simple"}


def test_certificates_of_the_environment(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    assert settings("", {"SSL_CERT_FILE": str(ca)}).ca == ca
    assert settings("", {"SSL_CERT_FILE": str(tmp_path / "none.pem")}).ca is None


def test_nothing_set_is_an_empty_configuration() -> None:
    assert settings("", {}) == settings("", {})
    assert settings("", {}).config == "[global]\n"
    assert settings("", {}).places == ()
