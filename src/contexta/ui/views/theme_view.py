"""Choose the theme of the pages, kept in a cookie."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from contexta.client.contexta import Contexta
from contexta.reports.theme.colours import THEMES
from contexta.ui.frame.layout import THEME_COOKIE
from contexta.ui.frame.submitted import Submitted, local_path

_YEAR = 365 * 24 * 3600


def choose_theme(_: Contexta, form: Submitted) -> Response:
    response = RedirectResponse(local_path(form.get("back", "/")), 303)
    theme = form.get("theme")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR, httponly=True, samesite="strict")
    else:
        response.delete_cookie(THEME_COOKIE, httponly=True, samesite="strict")
    return response


__all__ = ["choose_theme"]
