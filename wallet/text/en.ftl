# What a person reads before deciding. The same keys in nb, nn and en.

# --- who and why ---
title-present = { $name } asks you to share information from your wallet
title-present-company = { $name } asks the company to share information from its wallet
title-identify = { $name } asks you to show who you are
title-identify-company = { $name } asks the company to show who it is
title-authorise = { $name } asks you to show who you are, to open the wallet of a company
asker = Who asks: { $name }, organisation number { $number }
vouched = { $operator } vouches that it is { $name } who asks
service = Service: { $service }
purpose = Purpose: { $purpose }
ground = Legal ground: { $ground }
source-text = The source of the information says: “{ $text }”
privacy = Privacy statement: { $link }
privacy-missing = Take care: { $name } has given no privacy statement.
collect = You collect the credential “{ $type }” from the issuer { $name }.
collect-company = The company collects the credential “{ $type }” from the issuer { $name }.
collect-for = The credential is for the company with organisation number { $organisation } and goes into that company's wallet.
collect-for-you = The credential is yours and goes into your wallet.
collect-for-you-company = The credential is the company's and goes into this wallet.
words = Check words: { $words }
words-compare = The company's wallet must show the same words. If they differ, say no.

# --- what ---
share-title = This is what you share:
share-title-company = This is what the company shares:
credential = { $type }, issuer { $issuer }
element = { $label } { $number }
claim = { $label }: { $value }
learned-title = This is what { $name } learns as a worked-out answer:
sensitive-title = This information is especially sensitive:
withheld = This is what you do not share: { $labels }.
withheld-company = This is what the company does not share: { $labels }.
withheld-none = You share everything in the credentials above.
withheld-none-company = The company shares everything in the credentials above.
yes = yes
no = no
empty = not given
and = and

# --- when it is not possible ---
cannot-title = You cannot answer this now:
cannot-title-company = The company cannot answer this now:
lack-missing = The credential “{ $type }” is not in the wallet.
lack-unfitting = The credential “{ $type }” lacks something that is asked for.
lack-expired = The credential “{ $type }” has expired.
lack-not-yet-valid = The credential “{ $type }” is not valid yet.
lack-superseded = The credential “{ $type }” has been replaced by a newer one.
lack-revoked = The credential “{ $type }” has been revoked by its issuer.
lack-suspended = The credential “{ $type }” has been suspended by its issuer.
lack-spent = All copies of the credential “{ $type }” have been used.
lack-void = The copies of the credential “{ $type }” count as used, because the wallet has been restored or copied.
lack-other-person = The credential “{ $type }” belongs to another person than the other credentials.
asked = What is asked for: { $labels }.
source-of = You can collect a new one from { $issuers }.
source-of-company = The company can collect a new one from { $issuers }.
source-none = The trust list has no issuer of this credential.

# --- terms ---
once = You share once, and in this case only.
once-company = The company shares once, and in this case only.
keep-none = { $name } must erase the information when the session ends.
keep = { $name } may keep the information for { $time }.
keep-ground = The ground for that: { $ground }
case = Case reference: { $case }
expires = Answer before: { $time }
refuse = If you say no, { $name } is not told why. It looks the same as if you did not have the credential.
refuse-company = If the company says no, { $name } is not told why. It looks the same as if it did not have the credential.
refuse-collecting = If you say no, nothing is sent to { $name }, and the credential is not collected.
clock = at
year = year
years = years
day = day
days = days
hour = hour
hours = hours
