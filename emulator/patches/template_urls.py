"""TemplateURL: the forms in which AWS accepts the address of a template."""

from urllib.parse import quote, unquote, urlsplit, urlunsplit

from emulator.registry import patch


@patch
def virtual_host_template_urls() -> None:
    """Upstream takes the first part of the path for the bucket, so only path-style URLs
    work. AWS also accepts (and prefers) ``https://bucket.s3.region.amazonaws.com/key``.
    The patch rewrites those to path style before upstream reads them."""
    from ministack.services.cloudformation import helpers

    upstream = helpers._resolve_document

    def resolve(params, body_key, url_key, label):
        if url := helpers._p(params, url_key):
            params = {**params, url_key: [path_style(url)]}
        return upstream(params, body_key, url_key, label)

    helpers._resolve_document = resolve


def path_style(url: str) -> str:
    """Put the bucket of a virtual-host URL at the head of the path."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    for marker in (".s3.", ".s3-"):
        bucket, found, _ = host.partition(marker)
        if found and bucket:
            return urlunsplit((parts.scheme, parts.netloc, quote(f"/{bucket}{unquote(parts.path)}"), "", ""))
    return url
