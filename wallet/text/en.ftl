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
at-least = { $name } learns only that it is at least that much. How much it is stands in “{ $type }” and is not shown.
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
spent-means = Each copy is shown to one organisation. One that was used could be recognised by whoever saw it before.
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

# --- standing consent ---
title-grant = { $name } asks for your consent to fetch information again and again
title-grant-company = { $name } asks for the company's consent to fetch information again and again
grant-title = { $name } may fetch this from { $issuer }, without asking you each time:
grant-title-company = { $name } may fetch this from { $issuer }, without asking the company each time:
grant-claims = { $type }: { $labels }
grant-sensitive = This is especially sensitive, and { $name } may fetch it too:
grant-sensitive-yes = If you say yes, you explicitly consent to that.
grant-uses = At most { $count } times a day.
grant-until = The consent ends: { $time }
grant-login = { $name } fetches it when you log in, and erases it when you log out.
grant-case = { $name } fetches it as the case goes on.
grant-business = { $name } fetches it for an overview of the business.
grant-erases = When the consent ends, { $name } erases what it has fetched.
grant-keeps = What { $name } has fetched it keeps for the time named below, also when the consent has ended.
grant-told = You see each use in this wallet; { $issuer } tells it.
grant-withdraw = You can take the consent back at any time, here in the wallet. It counts at once.
grant-shows = So that { $issuer } knows whose consent it is, you show { $issuer } this once:
writers = After a yes, { $names } can write to this wallet through a mailbox, also when it is off.

# --- what is granted at an issuer ---
title-review = You ask { $name } what you have granted there
title-review-company = The company asks { $name } what it has granted there
review-see = { $name } shows the standing consents to “{ $type }”, also those of a wallet that is lost.
review-end = This consent is taken back: { $asker }, which would have ended { $time }.
review-told = It counts as soon as { $name } has your yes. { $name } tells whoever could fetch.
refuse-review = If you say no, nothing is sent to { $name }, and nothing is taken back.

# --- report to the supervisory authority ---
report-title = Report to { $authority }
report-site = Website: { $site }
report-asker = It is about: { $name } ({ $did })
report-service = Service: { $service }
report-happened = It happened: { $time }
report-receipt = Enclosed: the receipt that the recipient signed.
report-withdrawn = Enclosed: the withdrawal of the consent.
report-deletion = Enclosed: the request for deletion.
report-answer = Enclosed: what the recipient says it has erased and what it keeps.
report-unanswered = The request for deletion has not been answered.
report-complaint = What I want to say:
report-made = Made in the wallet: { $time }
