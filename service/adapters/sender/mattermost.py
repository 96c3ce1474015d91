"""Mattermost: with a bot's token what follows stands in the thread of the first post.

`mmost://team@host/token?mode=bot&to=%23channel` posts by the REST API, whose answer carries the post's id. An incoming
webhook (`mmost://host/token`) answers `ok` and no more, so that its posts stand side by side.
"""

from typing import Any

import requests
from apprise import NotifyType
from apprise.plugins.mattermost import MattermostMode, NotifyMattermost

from service.adapters.sender.talking import Reply, Talking

_UNKNOWN_ROOT = "api.post.create_post.root_id.app_error"


class Mattermost(Talking, NotifyMattermost):  # type: ignore[no-untyped-call]  # apprise types some of itself
    """apprise's webhook as it is; by a bot's token one post a channel, each with its root."""

    def send(
        self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, attach: Any = None, **more: Any
    ) -> bool:
        """Post to every channel; True where all of them took it."""
        if self.mode != MattermostMode.BOT:
            return bool(super().send(body, title=title, notify_type=notify_type, attach=attach, **more))
        known = self.first_posts()
        worked = bool(self.targets)
        for kind, value in self.targets:
            channel = self._channel_lookup(value) if kind == "#" else value
            root = known.get(f"{kind}{value}", "")
            posted = self._post(str(channel), f"#### {title}\n{body}" if title else body, root) if channel else ""
            if posted:
                self.keep(f"{kind}{value}", root or posted)
            worked = worked and bool(posted)
        return worked

    def _post(self, channel: str, text: str, root: str) -> str:
        """The id of the post; empty where it was not taken."""
        post = {"channel_id": channel, "message": text, **({"root_id": root} if root else {})}
        try:
            reply = self._ask(post)
            if root and reply.body is not None and reply.body.get("id") == _UNKNOWN_ROOT:
                # Somebody deleted the first post: better said beside it than not at all.
                reply = self._ask({"channel_id": channel, "message": text})
        except requests.RequestException:
            self.broke_off()
            return ""
        if not reply.good:
            return ""
        found = reply.body.get("id") if reply.body is not None else None
        if not isinstance(found, str):
            self.broke_off()
            return ""
        return found

    def _ask(self, post: dict[str, Any]) -> Reply:
        port = "" if self.port is None else f":{self.port}"
        url = f"{self.schema}://{self.host}{port}{self.fullpath.rstrip('/')}/api/v4/posts"
        return self.call(url, post, {"Accept": "application/json", "Authorization": f"Bearer {self.token}"})
