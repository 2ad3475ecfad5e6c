"""Each fact about a vendor in docs/vendors.md has a test that shows what Tally does about it, and the test exists."""

import ast
import re

import pytest

from tests.support.repository import ROOT

FACTS = {
    "`POST {base}/token`": "test_reports_are_asked_for_as_the_vendor_documents_it_in_all_formats_and_with_a_limit",
    "`GET {base}/reports?from&to`": "test_both_days_count_and_a_period_may_be_one_day",
    "`GET {base}/reports/{id}`": "test_one_report_is_asked_for_by_its_id",
    "`POST {base}/reports`": "test_the_vendor_is_sent_the_keys_that_were_given_and_no_query_string",
    "`GET` with a body": "test_scheduling_sends_only_what_was_given",
    "`GET` of a report's `downloadUrl`": "test_a_file_arrives_byte_for_byte_by_a_plain_get",
    "the answer has `token` and `expiresInSeconds`": "test_the_descriptions_name_for_a_tokens_life_goes_first",
    "some realms answer `access_token`": "test_a_token_is_used_again_whatever_odd_life_it_claims",
    "some realms give tokens by OAuth's": "test_a_realm_with_a_password_grant_is_asked_with_a_form_at_its_own_url",
    "what a revoked password gets": "test_a_rotated_password_is_noticed_when_the_token_is_refused",
    "`offset` and `limit` are ignored": "test_an_installation_that_gives_everything_at_once_is_asked_once",
    "`offset` and `limit` count": "test_every_page_of_a_listing_is_fetched",
    "`pagination` may be missing": "test_without_pagination_the_next_page_is_asked_for_until_one_is_empty",
    "a listing cannot be completed": "test_a_listing_that_cannot_be_completed_is_an_error",
    "the format filter is spelled": "test_every_format_is_answered_from_one_listing",
    "newest first since version 1.5": "test_the_document_s_seven_reports_come_back_field_by_field",
    "only `name` and `startDate` are certain": "test_a_name_and_a_start_date_are_enough",
    "the page's sample has four fields": "test_the_documented_report_is_read_field_by_field",
    "one element without": "test_one_unreadable_element_is_left_out_counted_and_logged_and_the_others_are_shown",
    "`status`": "test_a_status_is_known_in_any_case_and_a_file_without_one_is_completed",
    "`type`": "test_filters_are_answered_from_the_one_listing",
    "`format` in upper case": "test_formats_are_known_in_any_case_and_otherwise_kept_raw",
    "dates with and without milliseconds": "test_dates_come_in_many_spellings_and_leave_in_utc",
    "`id` is a UUID": "test_two_reports_of_one_name_second_and_format_are_two_by_the_vendors_id",
    "required: `name` and `startDate`": "test_a_schedule_needs_a_name_and_a_start_date_only",
    "the answer is a report, often `submitted`": "test_a_scheduled_report_is_followed_to_its_archived_file",
    "whether the spreadsheet is `xlsx`": "test_the_other_spelling_is_tried_once_and_after_a_400_only",
    "no idempotency key": "test_ten_calls_at_once_from_ten_processes_post_once",
    "`downloadUrl` is a signed link": "test_the_vendor_s_files_are_read_and_nothing_else",
    "the link's start and end": "test_a_links_expiry_is_read_or_left_open",
    "files are deleted after 90 days": "test_a_report_that_the_vendor_has_dropped_is_still_there_byte_for_byte",
    "hosts are": "test_the_default_hosts_are_those_of_old_and_new_storage_accounts",
    "names end in `.json.gz`": "test_a_file_opens_under_its_name_however_it_is_compressed",
    "a storage account may answer": "test_what_is_not_the_whole_file_is_refused_whatever_its_status",
    # OpenMarket: the calls
    "`GET /csv/log` and `GET /csv/outcome`": "test_all_brands_are_asked_for_without_a_brand",
    "`Authorization: Basic` with account id": "test_a_rotated_password_is_read_again_and_the_call_made_once_more",
    "times are `YYYY-MM-DD HH:MM:SS Z`": "test_times_are_utc_or_say_their_offset",
    "parameters are URL-encoded": "test_the_log_is_asked_for_in_utc_with_every_character_escaped",
    "whether the ends are inclusive": "test_a_period_holds_its_first_instant_and_not_its_last",
    "longest period, retention": "test_runs_are_contiguous_at_most_31_days_and_end_before_a_lease",
    "how large an answer may be": "test_a_large_answer_is_stored_as_a_small_one_is",
    # the log's columns
    "Credit ID": "test_an_id_is_a_64_bit_unsigned_number_or_refused",
    "Time (UTC)": "test_a_time_that_could_be_another_instant_is_refused",
    "MSISDN": "test_a_phone_number_that_a_spreadsheet_has_lost_is_refused",
    "Network": "test_a_name_with_a_comma_a_quote_and_an_emoji_stays_whole",
    "Outcome: only `SUCCESS`": "test_outcome_words_are_known_in_any_case",
    "Amount: a fraction": "test_an_amount_with_two_readings_or_none_is_refused",
    "Currency": "test_a_currency_is_three_letters_in_upper_case",
    # what a CSV file may look like
    "header names in any case": "test_every_reasonable_spelling_of_a_file_is_read",
    "comma, semicolon, tab or bar": "test_a_delimiter_is_known_by_the_header",
    "up to 30 lines before the header": "test_lines_before_the_header_that_mean_trouble_are_refused",
    "lines after the rows": "test_lines_after_the_rows_that_are_understood_and_true_are_taken",
    "any other line after the rows": "test_lines_after_the_rows_that_are_not_understood_or_not_true_are_refused",
    "blanks around quoted cells": "test_cells_wrapped_for_a_spreadsheet_are_unwrapped",
    "UTF-8, UTF-16 and UTF-32": "test_text_that_contradicts_its_encoding_is_refused",
    "`Content-Encoding` in any case": "test_a_content_encoding_is_read_in_any_case_and_a_charset_is_none",
    "an empty body, or a header alone": "test_an_empty_file_or_a_header_alone_means_no_rows",
    "a sentence instead of a file": "test_a_usual_sentence_in_plain_text_means_no_rows",
    "a row with too few": "test_a_file_that_is_not_whole_is_refused_without_quoting_it",
    "a last row without a line end": "test_a_last_cell_that_could_go_on_needs_a_line_end",
    "one id twice": "test_of_two_rows_with_one_id_the_last_wins",
}
"""The beginning of each row of the tables, and its test."""
TOLD_IN_PROSE = {
    "every answer has a correlation id": "test_what_the_vendors_support_asks_for_is_in_the_error_and_in_the_log",
    "the API is slow": "test_the_keeper_waits_for_answers_for_which_the_api_does_not",
    "rate limits": "test_every_kind_of_failure_has_its_error_and_its_number_of_tries",
    "users look for reports whose names begin with a word": "test_filters_are_answered_from_the_one_listing",
    "a file's SHA-256 is in its record": "test_a_file_of_any_size_is_kept_byte_for_byte_with_its_digest",
    "the outcome's columns": "test_an_outcome_is_read_exactly",
    "both reports say the same": "test_days_that_agree_with_the_outcome_report_are_settled_in_the_same_run",
    "a credit's outcome may change": "test_what_was_fetched_settle_hours_after_the_end_is_good_for_good",
    "an answer that breaks off": "test_a_compressed_answer_that_breaks_off_at_a_flush_is_refused",
    "a brand that nobody has": "test_a_misspelt_brand_is_not_fetched_for_ever",
    "a user's day is a London day": "test_a_summary_is_what_the_rows_add_up_to",
}


def facts_of_the_page() -> list[str]:
    text = (ROOT / "docs" / "vendors.md").read_text()
    section = text[text.index("## RDE") : text.index("## Failures")]
    rows = re.findall(r"^\| (?!fact \||call \||column \||form \|)(.+?) \|", section, re.MULTILINE)
    return [row for row in rows if not row.startswith("-")]


def names_of_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    nodes = [node for file in files for node in ast.parse(file.read_text()).body]
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("row", facts_of_the_page())
def test_a_fact_has_a_test(row: str) -> None:
    assert [begin for begin in FACTS if row.startswith(begin)], row


def test_every_test_that_is_named_exists() -> None:
    assert {*FACTS.values(), *TOLD_IN_PROSE.values()} <= names_of_tests()


def test_no_fact_is_named_that_the_page_does_not_have() -> None:
    rows = facts_of_the_page()
    assert [begin for begin in FACTS if not any(row.startswith(begin) for row in rows)] == []
