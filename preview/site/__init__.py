"""The documents as a static site: `python -m preview.site`.

`builder` renders the pages that the index and the links reach, `links` refuses a site with a dead link, `serve` shows
it beside the local deployment. The site needs no network and no server.
"""
