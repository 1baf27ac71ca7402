"""What a person can do about each finding a transform answers with."""

from collections.abc import Mapping
from types import MappingProxyType

REMEDIES: Mapping[str, str] = MappingProxyType({
    "excel_error": "The cell held an Excel error when it was exported: mend the formula in the source and export again.",
    "scientific_notation": "Excel has shortened the code and its last digits are lost: export the column as text.",
    "phone_invalid": "No telephone number can be read: correct it in the source, or keep the words in a raw text field.",
    "phone_possible": "The number has a possible length but no carrier uses it: written as it is; check with the patient.",
    "phone_words_left": "The number is written, words or digits beside it are not: keep the cell in a raw text field.",
    "phone_extension": "The extension is not part of the number: map phone.extension to a field of its own.",
    "phone_several": "The cell holds several numbers and the first is written: map phone.others to the additional phones.",
    "email_invalid": "No e-mail address can be read: correct it in the source, or keep the words in a raw text field.",
    "email_words_left": "An address is written, the rest of the cell is not one: keep the cell in a raw text field.",
    "email_several": "The cell holds several addresses and the first is written: map email.others to the additional ones.",
    "date_invalid": "This is not a day of the calendar: correct it in the source, or keep the words in a raw text field.",
    "date_incomplete": "A year or month alone is not a date: map it to a text or number field.",
    "date_ambiguous": "Day and month can be told either way: set date_order for this field in the map.",
    "date_order_differs": "The date has one reading only, and it is not the column's order: check who typed it.",
    "date_in_future": "Nobody is born in a year to come: correct it in the source.",
    "two_digit_year": "The century was inferred from the last two digits: check the oldest and the youngest records.",
    "time_missing": "The cell holds a date without time, written as local midnight: map it to a date field.",
    "time_zone_unknown": "The zone's abbreviation is not one of the clinic's zone: export offsets, or set the time zone.",
    "local_time_ambiguous": "The clock showed this time twice that night; the first was taken: export offsets if it matters.",
    "local_time_nonexistent": "The clock skipped this time that night; moved on by the skipped hour: check the record.",
    "money_invalid": "No amount can be read: correct it in the source, or keep the words in a raw text field.",
    "money_ambiguous": "Point or comma can mean thousands or decimals: set the country, or correct the amount.",
    "currency_differs": "The sign names another currency than the migration's: map money.amount with money.currency.",
    "currency_ambiguous": "The sign is used by several currencies, none of them the migration's: set the currency.",
    "number_invalid": "No number can be read: correct it in the source, or map the field to text.",
    "number_ambiguous": "Point or comma can mean thousands or decimals: set the country, or correct the number.",
    "number_not_whole": "The number has decimals and the field takes none: map it to a decimal field.",
})  # fmt: skip
