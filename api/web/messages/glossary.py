"""The descriptions of fields and parameters in the OpenAPI page, for those that have none of their own.

A name means the same in every message; for an exception, the line names the message too.
"""

from collections.abc import Iterator
from typing import Any

WORDS: dict[str, str] = {
    # who, where, when
    "passage": "A passage: one passenger at one lane, by the lane's name for it.",
    "lane": "A lane's name.",
    "lanes": "Lanes.",
    "officer": "Somebody who signs in.",
    "name": "The name to sign in with.",
    "password": "The password that belongs to the name.",
    "pseudonym": "What the ledger calls somebody; the name is only in the desk's own tables.",
    "role": "What somebody may do here.",
    "old": "The password so far.",
    "new": "The new password, 12 to 256 characters.",
    "officers": "Everybody who may sign in, or could.",
    "duties": "Cases of which kind somebody may take, besides the ordinary ones.",
    "passkeys": "How many passkeys somebody has.",
    "added_at": "When somebody was registered.",
    "sessions": "Sessions that have not ended.",
    "way": "How somebody signed in.",
    "started_at": "When it began.",
    "used_at": "When it was last used.",
    "csrf_token": "Goes as X-CSRF-Token with everything that changes something.",
    "at": "The desk's time when this was said.",
    "since": "Since when.",
    "minutes": "Since when, in minutes.",
    "opened_at": "When the lane asked for an officer.",
    "waiting_s": "How long the passenger has waited, or did until the decision, in seconds.",
    "raised_at": "When the alarm was raised.",
    "acknowledged_at": "When somebody began to look into it; null: nobody has.",
    "decided_at": "When the officer decided.",
    "last_at": "When a lane last sent an entry for it.",
    "heard_at": "When the lane last sent its status.",
    "break_due_at": "When an hour of watching is over; null where nobody watches.",
    "claimed_by": "The pseudonym of the officer who has the case; null: nobody has.",
    "claimed_until": "Until when the case is that officer's; null: nobody's.",
    "lease_s": "For how long a claim holds, in seconds, without being renewed.",
    "mine": "Whether the case is the asking officer's.",
    "escalated": "Whether it has waited longer than a passenger should.",
    "id": "Its identity.",
    "code": "What went wrong, for programs; `message` is for people.",
    "status": "That the desk answers.",
    "state": "In which state it is.",
    "text": "The same in the reader's language.",
    # a case
    "reasons": "Why the passenger was referred, the gravest first.",
    "remarks": "What was noted and refers nobody by itself.",
    "components": "Which measures the reason names.",
    "images": "The pictures of the case.",
    "sha256": "SHA-256 of the bytes, in hexadecimal digits.",
    "sequence": "The picture's number in its capture; null for a document's.",
    "eyes": "Where both eyes are, in pixels of the picture; null where the lane does not send them.",
    "href": "Where the picture is to be fetched, by the officer who has the case.",
    "badges": "How good the pictures are, in words.",
    "component": "Which measure, as ISO/IEC 29794-5 names it.",
    "answer": "What the officer decided.",
    "ground": "On what ground; each answer has its own.",
    "note": "What the officer wrote; the ledger keeps its hash.",
    "decision": "The decision; null while there is none.",
    "claim": "The claim; null where there is nothing to claim.",
    "verdict": "What the officer saw, before anything was revealed.",
    "confidence": "How sure the officer was, from 1 to 5.",
    "features": "What the officer compared, feature by feature.",
    "viewed": "What the officer looked at, in order.",
    "what": "Which of the views.",
    "image": "SHA-256 of the picture; null where all were in view.",
    "at_ms": "When, in milliseconds since the case was shown.",
    "match": "What the matcher said.",
    "band": "What the comparison is worth, in words.",
    "document": "What was checked of the document, and what came of it.",
    "attack": "Whether anything looked like an attack on the camera.",
    "own": "What the asking officer had said before the reveal.",
    "assessed": "Whether attacks were looked for at all.",
    "hint": "What the cues of movement and surface say, as a word.",
    "hint_text": "The hint in words.",
    "alarm": "Whether something looks like an attack; as a parameter, an alarm's number.",
    "check": "Which check.",
    "result": "What came of it.",
    # a lane's status
    "version": "The program's version.",
    "provider": "Where the networks run.",
    "matcher": "The matcher: its file, and all that happens to a picture before it.",
    "policy": "The policy: its version, and one hash over it and its calibrations.",
    "health": "How the camera does.",
    "camera": "The camera.",
    "frame_age_ms": "How old the newest picture is, in milliseconds; null: there was none.",
    "counts": "What came from the camera within the last ten minutes.",
    "frames": "Whole pictures.",
    "spoilt": "Pictures that could not be decoded.",
    "skipped": "Pictures that nobody decoded, since a newer one had come.",
    "reconnects": "How often the camera had to be opened again.",
    "about": "What runs there.",
    "outbox": "How many entries wait to be delivered.",
    "passages": "How many passengers came.",
    "referred": "How many of them were referred.",
    "gate": "What is wrong with the gate, and what its sensors saw.",
    "obeyed": "The last command that the lane has carried out.",
    "wanted": "What the lane is to do.",
    "command": "The command to the lane.",
    "queue": "Who waits.",
    "staff": "Who is signed in.",
    "waiting": "How many wait.",
    "longest_s": "How long the one who waits longest has waited, in seconds.",
    # the matcher in service
    "rate": "Which rate.",
    "errors": "How many errors.",
    "passengers": "How many passengers were compared.",
    "n": "Of how many.",
    "low": "The lower end.",
    "high": "The upper end.",
    "series": "Lane by lane, matcher by matcher.",
    "strangers": "Impostor comparisons: passengers and the documents of others. A live FMR.",
    "holders": "Genuine comparisons: passengers and their own documents. A live FNMR.",
    "shadows": "What second matchers said.",
    "alarms": "What is above what is expected.",
    "expected": "The share that the calibration expects at most; null where it does not say.",
    "undecided": "How many of whom no officer said whether they were holders.",
    "strangers_stopped": "How many an officer found to be somebody else, as the matcher had.",
    "strangers_matched": "How many an officer found to be somebody else, and the matcher did not.",
    "both_match": "How often both matchers said it is the holder.",
    "both_not": "How often both said it is not.",
    "preprocessing": "One hash over all that happens to a picture before the matcher.",
    # the ledger
    "applied_through": "The number of the last entry of the lane's chain that the desk has.",
    "head": "The end of the desk's own chain; keep it: it is a witness.",
    "seq": "The entry's number.",
    "hash": "The entry's hash.",
    "first": "The smaller tree's size.",
    "second": "The larger tree's size.",
    "size": "The tree's size, in entries.",
    "path": "The hashes of the proof, from the leaf up.",
    "signature": "Ed25519 over the head, in base64.",
    # the own eye, and training
    "truth": "Whether one person is on both pictures, or two.",
    "outcome": "How right the answer was.",
    "decisions": "How many cases were decided.",
    "agreed_after": "Agreement with the machine after the reveal.",
    "cases": "How many prepared cases were answered.",
    "right": "How many of them rightly.",
    "false_accepts": "How many impostor comparisons (two people) were admitted.",
    "false_rejects": "How many genuine comparisons (one person) were taken for two people.",
    # faces held
    "warning_from": "From how many on the desk warns.",
    "holds": "Legal holds.",
    "placed_at": "When the hold was placed.",
    "reason": "Why; the ledger keeps its hash.",
    # tokens and passkeys
    "token": "The lane's token, which is shown only now.",
    "revoked": "Whether its token is refused for good.",
    "expires_at": "When the lane's token ends; null: never.",
    "passkey": "A passkey, by the SHA-256 of its identity.",
    "label": "What its owner calls it.",
    # the auditor
    "value": "What was measured; null where nothing was.",
    "max": "The highest value that the policy accepts; null where it names none.",
    "found": "The passage, in short.",
    "steps": "What happened, in order.",
    "kind": "The entry's kind.",
    "body": "What the entry says; null where it is not for the one who asks.",
    "policy_version": "The policy that decided, by its own name; null where the lane did not send it.",
    "policy_sha256": "One hash over that policy and its calibrations; null where the lane did not send it.",
    "measures": "What was measured, against what the policy accepts.",
    # headers
    "content-type": "The body's media type.",
    # what means something of its own
    "RateMessage.low": "The lower end of the 95 % interval; null where nothing was tried.",
    "RateMessage.high": "The upper end of the 95 % interval; null where nothing was tried.",
    "StrangersMessage.low": "Without references that look like the passenger's own.",
    "StrangersMessage.high": "With them.",
    "HoldersMessage.low": "Those whom an officer admitted.",
    "HoldersMessage.high": "And those on whom no officer said whether they were.",
    "StrangersMessage.passengers_matched": "How many would have passed with another person's document.",
    "StrangersMessage.passengers": "How many passengers had impostor comparisons.",
    "Matcher.name": "The matcher's name in the catalogue.",
    "ShadowMessage.matcher": "The second matcher's name.",
    "ImageMessage.role": "Of the document, or live.",
    "AnswerRule.answer": "An answer that may be given.",
    "AnswerRule.ground": "A ground that belongs to it.",
}
"""Field or parameter, or message.field → what it means."""


def explained(description: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI description in which every field and parameter says what it means."""
    for field, words in _places(description):
        if "description" not in field:
            found = next((WORDS[word] for word in words if word in WORDS), None)
            if found is not None:
                field["description"] = found
    return description


def _places(description: dict[str, Any]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    for message, schema in description.get("components", {}).get("schemas", {}).items():
        for field, schema_of_field in schema.get("properties", {}).items():
            yield schema_of_field, (f"{message}.{field}", field)
    for operations in description["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                yield parameter, (parameter["name"],)
