# North Sámi. Its texts need a translator; until then each falls back to bokmål and is marked as such on the page.
