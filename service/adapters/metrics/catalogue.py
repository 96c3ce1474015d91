"""Every metric that the service exposes, one entry each: its name, type, help and labels.

Labels are names from the operators' catalogue or words from lists in the code, never an event's text and
never a customer, so that what can be scraped is bounded by what was declared. Gauges of moments are read from
the store: every replica exposes the same ones, so aggregate them with `max`. Counters belong to the process:
aggregate them with `sum`.
"""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. Counters' names end in `_total`; `buckets` are a histogram's upper bounds, in seconds."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_BATCH = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# Events: read = accepted + duplicate + rejected, always; late ones are among the accepted.
# `source` is a declared source's name, or "_other" for a topic that none declares.
EVENTS_READ = Metric("momentwatch_events_read_total", "counter", "Records read.", ("source",))
# `moment` is "_none" for events that name none, "_other" where the name is not in the catalogue.
EVENTS_ACCEPTED = Metric("momentwatch_events_accepted_total", "counter", "Records taken in.", ("moment",))
EVENTS_LATE = Metric(
    "momentwatch_events_late_total",
    "counter",
    "Records whose window had closed; they amend reports.",
    ("moment",),
)
EVENTS_DUPLICATE = Metric("momentwatch_events_duplicate_total", "counter", "Records seen before.", ("source",))
EVENTS_REJECTED = Metric("momentwatch_events_rejected_total", "counter", "Dead letters by reason.", ("reason",))
# A refused batch is read again by whoever has the partition now; nothing of it was counted.
BATCHES_REFUSED = Metric(
    "momentwatch_batches_refused_total", "counter", "Batches thrown away for a stale claim.", ("source",)
)
BATCH_SECONDS = Metric("momentwatch_batch_seconds", "histogram", "Seconds a batch took.", (), _BATCH)
CONSUMER_LAG = Metric(
    "momentwatch_consumer_lag_records",
    "gauge",
    "Records beyond the last one read, all partitions.",
    ("source",),
)
WATERMARK_LAG = Metric(
    "momentwatch_watermark_lag_seconds",
    "gauge",
    "Clock minus the slowest partition's watermark.",
    ("source",),
)

# What customers met. A counter cannot go back: what a later event took back is counted beside it.
ATTEMPTS = Metric("momentwatch_attempts_total", "counter", "Outcomes that happened or fell due.", ("moment",))
BROKEN = Metric("momentwatch_broken_total", "counter", "Promises broken.", ("moment",))
ATTEMPTS_BACK = Metric(
    "momentwatch_attempts_taken_back_total",
    "counter",
    "Outcomes that a later event moved or withdrew.",
    ("moment",),
)
BROKEN_BACK = Metric(
    "momentwatch_broken_taken_back_total", "counter", "Breaks that a later event took back.", ("moment",)
)
# Numerator and denominator apart, so that rates over several moments are never averages of rates.
WEEK_ATTEMPTS = Metric("momentwatch_week_attempts", "gauge", "Outcomes of the last 7 days.", ("moment",))
WEEK_BROKEN = Metric("momentwatch_week_broken", "gauge", "Promises broken in the last 7 days.", ("moment",))
OBJECTIVE = Metric("momentwatch_objective_ratio", "gauge", "Share of promises to keep.", ("moment", "window"))
BUDGET_LEFT = Metric(
    "momentwatch_error_budget_remaining_ratio",
    "gauge",
    "Part of the objective's error budget that is left; negative once it is overspent.",
    ("moment", "window"),
)

# Promises made that nobody has kept or withdrawn yet.
PROMISES_OPEN = Metric("momentwatch_promises_open", "gauge", "Promises not settled.", ("moment",))
PROMISES_OVERDUE = Metric("momentwatch_promises_overdue", "gauge", "Of these, those past their due.", ("moment",))
PROMISES_GIVEN_UP = Metric(
    "momentwatch_promises_given_up",
    "gauge",
    "Never settled for so long that no outcome is expected; neither open nor overdue.",
    ("moment",),
)
# What lifts the share of kept promises without one more being kept. Sum and number apart, as for any mean.
WEEK_PROMISED = Metric("momentwatch_week_promised", "gauge", "Promises made in the last 7 days.", ("moment",))
WEEK_GIVEN = Metric(
    "momentwatch_week_promised_seconds", "gauge", "How long these were given, from made to due, in all.", ("moment",)
)
WEEK_REDATED = Metric(
    "momentwatch_week_redated", "gauge", "Promises told another day in the last 7 days.", ("moment", "to")
)
WEEK_CANCELLED = Metric(
    "momentwatch_week_cancelled", "gauge", "Withdrawn by customers in the last 7 days.", ("moment",)
)
WEEK_LOOSENED = Metric(
    "momentwatch_week_loosened", "gauge", "Catalogue edits of the last 7 days that let more pass.", ("moment",)
)
PROMISES_DUE_SOON = Metric(
    "momentwatch_promises_due_within_day", "gauge", "Of these, those due within 24 hours.", ("moment",)
)
# `bound`: low, middle or high; between low and high 9 times in 10. Absent while too few promises have fallen due.
PROMISES_WILL_MISS = Metric(
    "momentwatch_promises_will_miss_within_day",
    "gauge",
    "Of those due within 24 hours, how many will probably miss.",
    ("moment", "bound"),
)

# What the detectors hold of the whole moment; a breach starts when evidence reaches 1.
SCORE = Metric("momentwatch_score_ratio", "gauge", "Evidence over its threshold.", ("moment", "detector"))
EXPECTED = Metric("momentwatch_expected", "gauge", "What the detector expects now.", ("moment", "detector"))
EXPECTED_LOWER = Metric("momentwatch_expected_lower", "gauge", "Usual range, lower end.", ("moment", "detector"))
EXPECTED_UPPER = Metric("momentwatch_expected_upper", "gauge", "Upper end of the usual.", ("moment", "detector"))
# 1 for the state that holds and 0 for the others, so that a sum by state counts moments.
STATE = Metric("momentwatch_moment_state", "gauge", "Whether a moment stands so.", ("moment", "state"))
BLIND = Metric("momentwatch_blind", "gauge", "1 while there is no trustworthy data.", ("moment",))
BLIND_SECONDS = Metric("momentwatch_blind_seconds", "gauge", "How long blind so far; 0 while it sees.", ("moment",))
LEARNING_LEFT = Metric(
    "momentwatch_learning_remaining_seconds", "gauge", "Data still to be seen; 0 once warm.", ("moment",)
)

# Interruptions and whom they touch. Distinct customers cannot be summed over moments: hence a figure for all.
OPENED = Metric("momentwatch_interruptions_opened_total", "counter", "Opened, at this level.", ("moment", "level"))
OPEN = Metric("momentwatch_interruptions_open", "gauge", "Open now.", ("moment", "level"))
CUSTOMERS = Metric("momentwatch_customers_affected", "gauge", "Distinct customers in open interruptions.", ("moment",))
CUSTOMERS_ALL = Metric(
    "momentwatch_customers_affected_distinct", "gauge", "Distinct customers in any open interruption."
)
JOURNEY_CUSTOMERS = Metric(
    "momentwatch_journey_week_customers", "gauge", "Distinct customers let down on it in 7 days.", ("journey",)
)
OWNER_CUSTOMERS = Metric(
    "momentwatch_owner_week_customers", "gauge", "Distinct customers let down in 7 days where they answer.", ("owner",)
)
HIT_AGAIN = Metric(
    "momentwatch_customers_hit_again", "gauge", "Distinct customers with two or more broken promises in 30 days."
)
BREAKS_OPEN = Metric(
    "momentwatch_open_broken",
    "gauge",
    "Promises broken in open interruptions, whatever the unit.",
    ("moment",),
)
KNOWN_FIRST = Metric(
    "momentwatch_known_first_total", "counter", "Interruptions with a complaint, by who knew first.", ("by",)
)
LEAD = Metric(
    "momentwatch_lead_seconds", "gauge", "Newest lead over the first complaint; may be negative.", ("moment",)
)

# Notices, an attempt each; the outcome "unknown" may have arrived.
NOTICES = Metric("momentwatch_notices_total", "counter", "Attempts to send.", ("target", "outcome"))
NOTICES_WAITING = Metric("momentwatch_notices_waiting", "gauge", "Notices not sent yet.")
NOTICES_OLDEST = Metric("momentwatch_notices_oldest_waiting_seconds", "gauge", "Age of the oldest of them.")

# The machinery. One turn of a loop for one moment, or one attempt to send.
TICK_SECONDS = Metric("momentwatch_tick_seconds", "histogram", "Seconds a turn took.", ("loop",), _BATCH)
LOOP_FAILURES = Metric("momentwatch_loop_failures_total", "counter", "Turns that ended in error.", ("loop",))
DEAD_LETTERS = Metric("momentwatch_dead_letters", "gauge", "Dead letters, those thrown away among them.")
# Of late, over all replicas. Above the source's `blind_above` its moments go blind, below half of it they see again.
DEAD_LETTER_SHARE = Metric("momentwatch_dead_letter_ratio", "gauge", "Of what was read of late.", ("source",))
DISTRUSTED = Metric("momentwatch_source_distrusted", "gauge", "1 while that makes its moments blind.", ("source",))
# Each range is a row of the store's table `gaps`, and makes its moments blind for as long as nobody knows.
GAPS = Metric("momentwatch_log_gaps", "gauge", "Ranges that nobody read, or that were cut back after it.", ("source",))
LOST = Metric("momentwatch_records_lost", "gauge", "Records gone before they were read, at most.", ("source",))
RECONCILE = Metric("momentwatch_reconcile_difference", "gauge", "Read minus accepted, duplicate and dead; must be 0.")
# The same and more from the rows themselves, every quarter of an hour: dead letters, break rows, events, offsets.
BOOKS = Metric("momentwatch_books_difference", "gauge", "Rows against counts when last recounted; must be 0.")
RELOAD_SUCCESS = Metric("momentwatch_catalogue_reload_success", "gauge", "1 if the last load was taken.")
RELOAD_TIME = Metric(
    "momentwatch_catalogue_reload_timestamp_seconds", "gauge", "When a catalogue was last taken, Unix time."
)
# Without the store the moments' gauges are left out, not repeated: old figures would look like new ones.
STORE_UP = Metric("momentwatch_store_up", "gauge", "1 if the last reading of the store succeeded.")
STORE_SECONDS = Metric("momentwatch_store_read_seconds", "gauge", "Seconds that reading took.")
BUILD = Metric("momentwatch_build", "info", "Version of the service and of Python.", ("version", "python"))

VALUE_AT_RISK = Metric(
    "momentwatch_value_at_risk",
    "gauge",
    "Broken value times loss probability in open interruptions.",
    ("moment",),
)

CATALOGUE: tuple[Metric, ...] = tuple(entry for entry in list(globals().values()) if isinstance(entry, Metric))
"""All of them, in the order of this file."""


def value_at_risk(currency: str) -> Metric:
    """Money is in the one reporting currency, which its metric names: `momentwatch_value_at_risk_brl`."""
    return replace(
        VALUE_AT_RISK,
        name=f"{VALUE_AT_RISK.name}_{currency.lower()}",
        help=f"{VALUE_AT_RISK.help[:-1]}, in {currency.upper()}.",
    )
