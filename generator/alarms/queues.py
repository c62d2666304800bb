"""Alarms of queues: age and depth of each, any message in a dead-letter queue; and of what SNS cannot deliver."""

from troposphere import GetAtt, Ref

from generator.alarms.spec import EVENTS, Alarm, Metric, Text, of_path
from generator.functions import CONSUMERS, DEAD_LETTER_QUEUES, QUEUES
from generator.naming import words
from generator.notices import Ticket
from generator.queues import DELIVERY_DLQ, DeadLetterQueue, Queue

# SQS writes no metrics of a queue that was empty and unused for six hours
# (SQS developer guide, "Monitoring Amazon SQS queues using CloudWatch").
EMPTY = "SQS stops writing metrics of a queue that stays empty and unused"

# Topic -> its name.
TOPICS: dict[str, Text] = {"OrderEvents": Ref("OrderEventsTopicName"), "Alerts": GetAtt("AlertsTopic", "TopicName")}


def metric(queue: Queue | DeadLetterQueue, name: str, stat: str) -> Metric:
    return Metric("AWS/SQS", name, stat, {"QueueName": queue.name})


def waiting(queue: Queue | DeadLetterQueue, stat: str) -> Metric:
    return metric(queue, "ApproximateNumberOfMessagesVisible", stat)


def topic(name: Text, metric_name: str) -> Metric:
    return Metric("AWS/SNS", metric_name, "Sum", {"TopicName": name})


def alarms() -> list[Alarm]:
    return [
        *(alarm for queue in QUEUES for alarm in (age(queue), depth(queue))),
        undelivered(
            "order-events-undelivered",
            of_path(EVENTS),
            f"SNS could neither deliver order events to a subscriber nor leave them in {DELIVERY_DLQ.title}: they are lost.",
            f"check the policy of {DELIVERY_DLQ.title}, and that the redrive policy of every subscription names it "
            "(--partner-subscriptions).",
            topic(TOPICS["OrderEvents"], "NumberOfNotificationsFailedToRedriveToDlq"),
        ),
        undelivered(
            "alerts-undelivered",
            # The other subscribers of Alerts still get it.
            Ticket(
                "one subscriber gets no alerts. The alarm's own OK cannot be delivered to it either, so the alarm repeats "
                "every few minutes until that subscriber is repaired or removed"
            ),
            "SNS could not deliver an alert to one of its subscribers.",
            "check that each subscriber of Alerts has confirmed and still exists.",
            topic(TOPICS["Alerts"], "NumberOfNotificationsFailed"),
        ),
        *(dead_letters(queue) for queue in DEAD_LETTER_QUEUES),
    ]


def age(queue: Queue) -> Alarm:
    consumer = CONSUMERS[queue]
    return Alarm(
        f"{words(queue.title)}-age",
        of_path(consumer.path),
        f"{queue.contents.capitalize()} have waited in {queue.title} for longer than allowed.",
        f"check the errors and throttles of {consumer.name} on the dashboard, then its log.",
        metric(queue, "ApproximateAgeOfOldestMessage", "Maximum"),
        period=60,
        periods=5,
        threshold=queue.age_limit,
        why=EMPTY,
    )


def depth(queue: Queue) -> Alarm:
    consumer = CONSUMERS[queue]
    return Alarm(
        f"{words(queue.title)}-depth",
        of_path(consumer.path),
        f"More messages than allowed wait in {queue.title}, the queue of {queue.contents}, for ten minutes.",
        f"if a large file is being imported, wait. Otherwise check whether {consumer.name} fails, the table throttles "
        "it, or it is at its maximum concurrency; raise that.",
        waiting(queue, "Average"),
        threshold=queue.depth_limit,
        why=EMPTY,
    )


def undelivered(key: str, notifies: Ticket | str, meaning: str, remedy: str, failures: Metric) -> Alarm:
    return Alarm(
        key,
        notifies,
        meaning,
        remedy,
        failures,
        periods=1,
        threshold=0,
        why="SNS writes the metric when it delivers",
    )


def dead_letters(queue: DeadLetterQueue) -> Alarm:
    """From one message on. Notifies on its own: it stays in ALARM until the queue is drained, and in the composite
    alarm of a path it would mask other incidents."""
    return Alarm(
        queue.alarm,
        queue.notice,
        queue.meaning or f"{queue.contents.capitalize()} wait in {queue.title}, for 14 days.",
        queue.remedy,
        waiting(queue, "Maximum"),
        period=60,
        periods=1,
        threshold=0,
        why=EMPTY,
    )
