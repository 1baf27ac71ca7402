"""What `crosswalk init` was told, kept as `crosswalk.toml`: no secret ever stands in it."""

import json
import re
import tomllib
from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError

from crosswalk.model.artefact import Frozen
from crosswalk.model.errors import UsageError


def _without_secret(address: str) -> str:
    """Credentials come from the environment, never from a file in the workspace (DESIGN.md, "Command line")."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address) and "@" in urlsplit(address).netloc:
        raise ValueError("an address must not hold a user name or password: give credentials by the environment")
    return address


def _known_timezone(name: str) -> str:
    if name == "UTC":
        return name
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a time zone this computer knows: use a name such as America/New_York") from None
    return name


def _prefix(text: str | None) -> str | None:
    """facts/dataverse.md §6.1; `mscrm` is Microsoft's own."""
    if text is not None and (not re.fullmatch("[a-z][a-z0-9]{1,7}", text) or text.startswith("mscrm")):
        raise ValueError("a prefix has two to eight small letters or digits, a letter first, and does not begin with mscrm")
    return text


def _suffix(text: str | None) -> str | None:
    if text is not None and not re.fullmatch("[a-z0-9_]{1,8}", text):
        raise ValueError("a suffix has at most eight small letters, digits and underscores")
    return text


def _email(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError("not an e-mail address: use one such as frontdesk@clinic.example")
    return text


def _country(code: str) -> str:
    if not re.fullmatch("[A-Z]{2}", code):
        raise ValueError("a country is given by its two capital letters (ISO 3166), such as IN or US")
    return code


def _currency(code: str) -> str:
    if not re.fullmatch("[A-Z]{3}", code):
        raise ValueError("a currency is given by its three capital letters (ISO 4217), such as INR or USD")
    return code


Address = Annotated[str, AfterValidator(_without_secret)]


class Config(Frozen):
    """One migration's conventions. All values are text; a key without a value is left out of the file."""

    source: str = Field(min_length=1, description="The platform that is left")
    source_location: Address = Field(min_length=1, description="The export's folder or workbook, or the address it is read from")
    destination: str = Field(min_length=1, description="The CRM that is moved to")
    destination_url: Address = Field(min_length=1, description="Where that CRM answers")
    fallback_owner: Annotated[str | None, AfterValidator(_email)] = Field(
        default=None, description="E-mail of the user who gets records whose owner is not found"
    )
    country: Annotated[str, AfterValidator(_country)] = Field(
        default="US", description="Country of phone numbers and addresses without one"
    )
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        default="UTC", description="Time zone of the source's times without one"
    )
    currency: Annotated[str, AfterValidator(_currency)] = Field(default="USD", description="Currency of amounts without one")
    policy: Literal["link", "update", "skip"] = Field(
        default="link", description="Rows that stand in the CRM already: link (tie to them), update (change them), skip"
    )
    name_prefix: Annotated[str | None, AfterValidator(_prefix)] = Field(
        default=None, description="What the names of created objects and fields begin with"
    )
    name_suffix: Annotated[str | None, AfterValidator(_suffix)] = Field(
        default=None, description="What the names of created objects and fields end with"
    )
    migration_id: str = Field(
        min_length=1, description="Names this migration; every id in the CRM derives from it: never change it"
    )


def config_text(config: Config) -> str:
    """The configuration as TOML, one comment per key."""
    lines = ["# Crosswalk: one migration. Credentials never stand here; they come from the environment.", ""]
    for name, field in Config.model_fields.items():
        value = getattr(config, name)
        lines.append(f"# {field.description}.")
        lines.append(f'# {name} = ""' if value is None else f"{name} = {_basic_string(value)}")
    return "\n".join(lines) + "\n"


def parse_config(text: str, where: str) -> Config:
    """The configuration from TOML; `where` names the file in errors. Raises UsageError saying which key is wrong and how."""
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{where} is not well-formed TOML: {error}", "Correct the line, or run crosswalk init in a new folder."
        ) from None
    except ValidationError as error:
        raise UsageError(f"{where} is not a valid configuration: {problems(error)}", "Correct these keys.") from None


def problems(error: ValidationError, named: Callable[[str], str] = str) -> str:
    """What is wrong with which setting, in words; `named` gives a key the name it has where it was given."""
    found = error.errors(include_input=False)
    return "; ".join(f"{named('.'.join(map(str, item['loc'])))}: {item['msg'].removeprefix('Value error, ')}" for item in found)


def _basic_string(value: str) -> str:
    # JSON's escapes are a subset of TOML's; only DEL, which TOML does not allow bare, is not among them.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
