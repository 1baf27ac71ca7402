"""Every transform by the name that maps use."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from crosswalk.transforms import choices, dates, emails, links, lists, moments, money, names, phones, quantities, text
from crosswalk.transforms.contract import Output, PossibleFinding, Transform, TransformSpec
from crosswalk.transforms.remedies import REMEDIES

_DATE = "date_invalid date_incomplete date_ambiguous date_order_differs two_digit_year"
_MOMENT = f"{_DATE} time_missing time_zone_unknown local_time_ambiguous local_time_nonexistent"
_PHONE = "phone_invalid scientific_notation phone_possible phone_words_left phone_extension phone_several"


def _spec(name: str, function: Transform, output: Output, findings: str = "") -> TransformSpec:
    """Summary from the function's docstring; excel_error can come of every transform."""
    summary = (function.__doc__ or "").partition("\n")[0].rstrip(".")
    codes = ("excel_error", *findings.split())
    return TransformSpec(name, function, output, summary, tuple(PossibleFinding(code, REMEDIES[code]) for code in codes))


_SPECS = (
    _spec("text", text.text, "text"),
    _spec("text.multiline", text.multiline, "text"),
    _spec("text.line", text.line, "text"),
    _spec("lower", text.lower, "text"),
    _spec("upper", text.upper, "text"),
    _spec("code", text.code, "text", "scientific_notation"),
    _spec("person_name.title", names.title, "text"),
    _spec("person_name.given", names.given, "text"),
    _spec("person_name.middle", names.middle, "text"),
    _spec("person_name.given_all", names.given_all, "text"),
    _spec("person_name.family", names.family, "text"),
    _spec("person_name.suffix", names.suffix, "text"),
    _spec("phone.e164", phones.e164, "text", _PHONE),
    _spec("phone.national", phones.national, "text", _PHONE),
    _spec("phone.country", phones.country, "text"),
    _spec("phone.calling_code", phones.calling_code, "text"),
    _spec("phone.extension", phones.extension, "text"),
    _spec("phone.all", phones.every, "list", _PHONE),
    _spec("phone.others", phones.others, "list"),
    _spec("email", emails.email, "text", "email_invalid email_words_left email_several"),
    _spec("email.others", emails.others, "list"),
    _spec("email.domain", emails.domain, "text", "email_invalid email_words_left email_several"),
    _spec("date", dates.day, "date", _DATE),
    _spec("date.birth", dates.birth, "date", f"{_DATE} date_in_future"),
    _spec("excel_date", dates.excel, "date", _DATE),
    _spec("datetime", moments.moment, "datetime", _MOMENT),
    _spec("datetime.start_of_day", moments.start_of_day, "datetime", _MOMENT),
    _spec("excel_datetime", moments.excel, "datetime", _MOMENT),
    _spec("money", money.money, "decimal", "money_invalid money_ambiguous money_too_large currency_differs"),
    _spec("money.amount", money.amount, "decimal", "money_invalid money_ambiguous money_too_large"),
    _spec("money.currency", money.currency, "text", "money_invalid money_ambiguous money_too_large currency_ambiguous"),
    _spec("boolean", choices.boolean, "boolean", "boolean_unknown"),
    _spec("gender", choices.gender, "text", "gender_unknown"),
    _spec("blood_group", choices.blood_group, "text", "blood_group_incomplete blood_group_unknown blood_subgroup"),
    _spec("option", choices.option, "text"),
    _spec("list.split", lists.split, "list"),
    _spec("url", links.url, "text", "url_invalid url_words_left"),
    _spec("integer", quantities.integer, "integer", "number_invalid number_ambiguous number_too_large number_not_whole"),
    _spec("decimal", quantities.decimal, "decimal", "number_invalid number_ambiguous number_too_large"),
)

TRANSFORMS: Mapping[str, TransformSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})


def transform(name: str) -> TransformSpec:
    """The transform of that name. Raises KeyError naming the nearest names where there is none.

    >>> transform("phone.e164").output
    'text'
    """
    try:
        return TRANSFORMS[name]
    except KeyError:
        near = difflib.get_close_matches(name, TRANSFORMS, n=3, cutoff=0.5) or sorted(TRANSFORMS)
        raise KeyError(f"there is no transform {name!r}; the nearest names are {', '.join(near)}") from None
