"""Alarms of what waits: in the order queue, in the table's stream, in dead-letter queues; and of what SNS drops."""

from generator.alarms.functions import metric as of_function
from generator.alarms.spec import ASYNC, EVENTS, Alarm, Metric, of_path
from generator.functions import BY_KEY
from generator.queues import DEAD_LETTER_QUEUES, DeadLetterQueue

# SQS writes no metrics of a queue that was empty and unused for six hours
# (SQS developer guide, "Monitoring Amazon SQS queues using CloudWatch").
EMPTY = "SQS stops writing metrics of a queue that stays empty and unused"


def metric(queue: str, name: str, stat: str) -> Metric:
    """`queue` is the parameter of its name."""
    return Metric("AWS/SQS", name, stat, {"QueueName": f"${{{queue}}}"})


def waiting(queue: str, stat: str) -> Metric:
    return metric(queue, "ApproximateNumberOfMessagesVisible", stat)


def topic(name: str, metric_name: str) -> Metric:
    return Metric("AWS/SNS", metric_name, "Sum", {"TopicName": name})


# Topic -> the text that is its name.
TOPICS = {"OrderEvents": "${OrderEventsTopicName}", "Alerts": "${AlertsTopic.TopicName}"}


def alarms() -> list[Alarm]:
    return [
        Alarm(
            "order-queue-age",
            of_path(ASYNC),
            "Accepted orders have waited for longer than allowed to be stored.",
            "the errors and throttles of orders-worker on the dashboard, then its log.",
            {"age": metric("OrderQueueName", "ApproximateAgeOfOldestMessage", "Maximum")},
            period=60,
            periods=5,
            threshold="${QueueAgeSeconds}",
            why=EMPTY,
        ),
        Alarm(
            "order-queue-depth",
            of_path(ASYNC),
            "More orders than usual wait to be stored, for ten minutes.",
            "is a large file being imported? Then wait. Else whether the worker fails or is at its maximum "
            "concurrency; raise the latter.",
            {"waiting": waiting("OrderQueueName", "Average")},
            threshold="${QueueDepth}",
            why=EMPTY,
        ),
        Alarm(
            "order-events-age",
            of_path(EVENTS),
            "Changes of orders have waited for longer than allowed to be announced.",
            "the log of orders-events: is SNS refusing, or is one record holding up the others?",
            {"age": of_function(BY_KEY["orders_events"], "IteratorAge", "Maximum")},
            expression="age / 1000",  # of milliseconds
            period=60,
            periods=5,
            threshold="${StreamAgeSeconds}",
            why="Lambda writes the age with each batch: no batch, nothing that waits",
        ),
        Alarm(
            "order-events-undelivered",
            of_path(EVENTS),
            "SNS could not deliver order events to a subscriber, and has given them up.",
            "who is subscribed to OrderEvents: is an endpoint gone, or does a queue's policy refuse the topic?",
            {"failed": topic(TOPICS["OrderEvents"], "NumberOfNotificationsFailed")},
            periods=1,
            threshold=0,
            why="SNS writes the metric when it delivers",
        ),
        Alarm(
            "alerts-undelivered",
            # By itself: the other subscribers of Alerts still hear of it, and the dashboard shows it.
            None,
            "SNS could not deliver an alert to one of its subscribers.",
            "who is subscribed to Alerts, and whether each has confirmed and still exists.",
            {"failed": topic(TOPICS["Alerts"], "NumberOfNotificationsFailed")},
            periods=1,
            threshold=0,
            why="SNS writes the metric when it delivers",
        ),
        *(dead_letters(queue) for queue in DEAD_LETTER_QUEUES),
    ]


def dead_letters(queue: DeadLetterQueue) -> Alarm:
    """One is enough: a dead-letter queue that nobody watches is a bin.

    By itself: it rings until somebody acts, and its path's composite alarm would hide the next incident till then.
    """
    return Alarm(
        queue.alarm,
        None,
        queue.meaning,
        queue.remedy,
        {"waiting": waiting(queue.name_parameter, "Maximum")},
        period=60,
        periods=1,
        threshold=0,
        why=EMPTY,
    )
