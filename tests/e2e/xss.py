"""Strings that have run as scripts somewhere, each said in several ways: whatever is typed must only ever be text."""

CALL = "window.ran=1"
BARE = (
    "<script>{call}</script>",
    "<ScRiPt>{call}</sCrIpT>",
    "<script/x>{call}</script>",
    "<script src=//127.0.0.1:9/x.js></script>",
    "<img src=x onerror={call}>",
    "<img src=x onerror='{call}'//",
    '<img """><script>{call}</script>">',
    "<svg onload={call}>",
    "<svg/onload={call}//",
    "<svg><script>{call}</script></svg>",
    "<svg><animate onbegin={call} attributeName=x dur=1s>",
    "<body onload={call}>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<iframe src=javascript:parent.ran=1></iframe>",
    "<object data='data:text/html,<script>{call}</script>'></object>",
    "<embed src='javascript:{call}'>",
    "<details open ontoggle={call}>",
    "<input autofocus onfocus={call}>",
    "<select autofocus onfocus={call}>",
    "<textarea autofocus onfocus={call}>",
    "<video><source onerror={call}>",
    "<audio src=x onerror={call}>",
    "<marquee onstart={call}>",
    "<math><mtext><table><mglyph><style><img src=x onerror={call}>",
    "<a href=javascript:{call}>x</a>",
    "<form action=javascript:{call}><button autofocus>x",
    "<base href=//127.0.0.1:9/>",
    "<meta http-equiv=refresh content='0;url=javascript:{call}'>",
    "<link rel=stylesheet href=//127.0.0.1:9/x.css>",
    "<style>@import '//127.0.0.1:9/x.css';</style>",
    "<div style='background:url(//127.0.0.1:9/x)'>x</div>",
    "<div hx-get=/audit hx-trigger=load>x</div>",
    "<div hx-on:load={call}>x</div>",
    "<div data-hx-on::load='{call}'>x</div>",
    "{{ self.__init__.__globals__ }}",
    "{% raw %}{{ 7*7 }}{% endraw %}{{ 7*7 }}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "javascript:{call}",
    "\u202e<script>{call}</script>",
    "&lt;script&gt;{call}&lt;/script&gt;",
    "+ADw-script+AD4-{call}+ADw-/script+AD4-",
)
WAYS = ("{0}", '">{0}', "'>{0}", "</title></textarea></select>{0}", "--><!-- {0}")


def corpus() -> list[str]:
    """Over two hundred strings."""
    return [way.replace("{0}", one.replace("{call}", CALL)) for one in BARE for way in WAYS]
