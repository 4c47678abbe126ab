# The frame around errors, and the word that means yes.
error = Error
cause = Cause
remedy = What to do
yes = yes
clock = at

# What was too much of a request.
too-much = Too much
too-much-type = the credential “{$type}”, which does not belong to {$service}
too-much-claim = the piece of information “{$claim}”
too-much-service = the whole service “{$service}”, for which the asker is not registered
too-much-time = the time to answer is longer than the service allows
too-much-purpose = the purpose is another than the service has
too-much-ground = the legal ground is another than the service has
too-much-keep = the information is kept longer than the service allows
too-much-status = the check for revocation may be older than the service allows
too-much-rung = another limit in the same case
too-much-grant = a standing consent, for which the service is not registered
too-much-grant-days = the consent lasts longer than the service allows; `--days` may be at most {$days}
too-much-grant-until = the consent lasts longer than the service allows
too-much-grant-uses = more fetches a day than the service allows
too-much-grant-uses-most = more fetches a day than the service allows; `--uses` may be at most {$uses}
too-much-uses-today = more fetches today than the consent allows

# Why something was refused, and what to do.
problem-wrong_subject = The information is about somebody other than the person in the case.
remedy-wrong_subject = Check the person number or organisation number of the case, and ask again.
problem-wrong_recipient = The message is for somebody else.
remedy-wrong_recipient = Open it in the wallet or node that it is meant for.
problem-wrong_session = The open wallet belongs to somebody other than the person being asked.
remedy-wrong_session = Open the wallet of the person being asked. Choose it with `--home`.
problem-not_yet_valid = The credential is not valid yet.
remedy-not_yet_valid = Wait for its start date, or use another credential. Check the clock of this computer too.
problem-expired = The time has run out.
remedy-expired = Collect a new credential, or ask for a new request: `bevis wallet receive LINK`.
problem-over_ask = {$detail ->
    [rung] The asker has had an answer about one limit in this case, and gets none about another.
   *[other] The asker wants more than it is registered for.
    }
remedy-over_ask = {$detail ->
    [rung] Do not share. Another limit says more about what you earn than the asker may learn in one case.
   *[other] Do not share. If you are the asker: ask only for what the service is registered for, see `bevis trust show`.
    }
problem-no_legal_ground = The legal ground does not hold for this service.
remedy-no_legal_ground = Do not share. If you are the asker: use the ground that the registration names.
problem-revoked = The issuer has revoked the credential.
remedy-revoked = Ask the issuer why. If you are entitled to a new one, collect it: `bevis wallet receive LINK`.
problem-suspended = The issuer has suspended the credential.
remedy-suspended = Ask the issuer. The credential may become valid again.
problem-superseded = A newer credential has replaced this one.
remedy-superseded = Collect the new credential: `bevis wallet receive LINK`.
problem-terminated_pending = It has been terminated, but is valid until the notice period ends.
remedy-terminated_pending = Look at the end date, and arrange a replacement before then.
problem-role_missing = The person has no role in the register that allows this.
remedy-role_missing = Ask the general manager to do it, or have the role registered in the company register.
problem-shielded = The information is protected and is not given out.
remedy-shielded = Contact the issuer in another way.
problem-trace_unavailable = The access log could not be written, so nothing is given out.
remedy-trace_unavailable = Try again later. If you run the node, check its disk with `bevis doctor`.
problem-withdrawn = The consent was taken back.
remedy-withdrawn = Ask the person for a new consent, if it is still needed.
problem-not_paired = The customer's wallet has not said where it can be written to.
remedy-not_paired = Ask the customer with a link, with --pair; after a yes requests can be left in the mailbox.
problem-unknown_grant = There is no such consent here.
remedy-unknown_grant = See what you have given: `bevis wallet grants`. If you are the asker: check which source it was given to, and ask the person for a new one.
problem-not_licensed = The organisation lacks the registration it needs.
remedy-not_licensed = Have the registration put in place, and try again.
problem-replay = The answer was used before and cannot be used again.
remedy-replay = Ask for a new request, and answer that one.
problem-stale = The information is too old.
remedy-stale = Collect a fresh credential from the issuer, and try again.
problem-malformed = The content does not have the right form.
remedy-malformed = Ask the sender to make it again, and check that the whole text is there.
problem-too_large = The content is too large.
remedy-too_large = Split it, or send less.
problem-duplicate_key = The same field stands there twice.
remedy-duplicate_key = Remove one of the two, or ask the sender to make the text again.
problem-unsupported = This version of the program does not know the format.
remedy-unsupported = Update the program. Check the version with `bevis --version`.
problem-unknown_issuer = The issuer is not in the trust list.
remedy-unknown_issuer = Do not trust the credential. If your list is old, take in a new one: `bevis trust import FILE`.
problem-type_not_allowed = The issuer is not allowed to issue this type.
remedy-type_not_allowed = Nobody should trust such a credential. See who may issue it: `bevis trust show`.
problem-unknown_type = This type of credential is not known here.
remedy-unknown_type = See which types there are: `bevis issuer types`.
problem-unknown_key = The key does not belong to the organisation named.
remedy-unknown_key = Do not trust the content. Take in a new trust list if the organisation has just changed its key.
problem-key_outside_window = The key was not valid when the signature was made.
remedy-key_outside_window = Do not trust the content. Ask the issuer for a new credential.
problem-key_compromised = The key may have been stolen and no longer counts.
remedy-key_compromised = Do not trust the content. Ask the issuer for a new credential.
problem-signature_invalid = The signature does not match. The content may have been changed.
remedy-signature_invalid = Do not trust the content. Ask whoever made it to send it again.
problem-disclosure_invalid = A piece of information in the credential was changed or does not belong to it.
remedy-disclosure_invalid = Do not trust the answer. Ask for a new one.
problem-schema_invalid = The information does not follow the rules for this type of credential.
remedy-schema_invalid = Correct the field that is named, or tell the issuer.
problem-holder_binding_missing = The answer does not show that the credential belongs to whoever shares it.
remedy-holder_binding_missing = Ask for a new answer straight from the wallet.
problem-holder_binding_invalid = The credential belongs to another wallet than the one that answered.
remedy-holder_binding_invalid = Do not trust the answer. The credential may be copied from somebody else.
problem-wrong_audience = The answer was made for another recipient.
remedy-wrong_audience = Ask for a new answer to your own request.
problem-wrong_nonce = The answer belongs to another request.
remedy-wrong_nonce = Send a new request, and ask for an answer to that one.
problem-wrong_sd_hash = The answer does not cover exactly what was sent.
remedy-wrong_sd_hash = Do not trust the answer. Ask for a new one.
problem-wrong_request = The answer is to another request.
remedy-wrong_request = Answer the request that is waiting: `bevis wallet requests`.
problem-different_persons = The credentials in the answer are about different people.
remedy-different_persons = Share only credentials about the same person.
problem-claims_missing = The answer lacks something that was asked for.
remedy-claims_missing = Collect the credential that is missing, and answer again.
problem-claims_unrequested = The answer shows something that was not asked for.
remedy-claims_unrequested = Share only what the request is about.
problem-unsigned_request = The request is not signed. Nobody knows who is asking.
remedy-unsigned_request = Do not answer. Ask for a new request from somebody you know.
problem-unknown_verifier = The asker is not in the trust list.
remedy-unknown_verifier = Do not answer. If your list is old, take in a new one: `bevis trust import FILE`.
problem-wrong_origin = The request came from somebody other than its signer.
remedy-wrong_origin = Do not answer. Ask the organisation itself for a new request.
problem-unsupported_query = The question is put in a way that we do not support.
remedy-unsupported_query = Ask in a simpler way. See what `bevis verifier request --help` offers.
problem-not_presented = Nothing was shared.
remedy-not_presented = The information can be given in another way.
problem-copies_spent = All copies of the credential have been used.
remedy-copies_spent = Collect new copies from the issuer: `bevis wallet receive LINK`.
problem-copies_void = The copies of the credential count as used, because the wallet has been restored or copied.
remedy-copies_void = Collect new copies from the issuer: `bevis wallet receive LINK`.
problem-unknown_session = There is no such request, or it has ended.
remedy-unknown_session = See what is open: `bevis wallet requests` or `bevis verifier sessions`.
problem-unknown_offer = The issuer has no such offer.
remedy-unknown_offer = Ask the issuer for a new offer.
problem-offer_closed = The offer was used or withdrawn.
remedy-offer_closed = See whether you already have it: `bevis wallet list`. If not, ask for a new offer.
problem-wrong_code = The activation code is wrong.
remedy-wrong_code = Read the code again, and retry. After a few attempts the offer is closed.
problem-attempts_exhausted = The code was wrong too many times. The offer is closed.
remedy-attempts_exhausted = Ask the issuer for a new offer with a new code.
problem-possession_invalid = The wallet did not show that it has its key.
remedy-possession_invalid = Try again from the wallet that is to have the credential.
problem-keys_not_covered = The proof of identity does not cover this wallet.
remedy-keys_not_covered = Start again, and compare the check words on the two screens.
problem-keys_changed = The credential was asked for by another wallet than the first time.
remedy-keys_changed = Use the first wallet, or ask the issuer for a new offer.
problem-no_data = The register has no information about the person or organisation.
remedy-no_data = Ask the issuer whether the information should be there.
problem-wrong_wallet = This is the wrong kind of wallet: personal instead of the company's, or the other way round.
remedy-wrong_wallet = Open the other wallet. Choose it with `--home`.
problem-trust_missing = There is no trust list here yet.
remedy-trust_missing = Take in the list: `bevis trust import FILE`.
problem-anchor_missing = The node knows no root to start from.
remedy-anchor_missing = Add `--root` with the fingerprint of the first root. Compare it with what was published.
problem-trust_stale = The trust list is too old.
remedy-trust_stale = Take in a new one: `bevis trust import FILE`.
problem-trust_rollback = The trust list is older than the one you already have.
remedy-trust_rollback = Ask for the newest list. See your version with `bevis trust show`.
problem-trust_mismatch = The parts of the trust list do not belong together.
remedy-trust_mismatch = Fetch the whole bundle again, from somebody else if you can. See what you have with `bevis trust show`.
problem-trust_threshold = Too few have signed the trust list.
remedy-trust_threshold = Let more anchors sign, of at least two classes. `bevis trust verify FILE` shows who is missing.
problem-trust_conflict = There are two different trust lists with the same number.
remedy-trust_conflict = Rely on neither until the anchors have answered. Both are kept as evidence; see `bevis doctor`.
problem-status_missing = We do not know whether the credential is revoked. The status list is missing.
remedy-status_missing = Wait until the node has fetched the list, and try again. See `bevis node status`.
problem-status_stale = The status list is too old to say whether the credential is valid.
remedy-status_stale = Wait until the node has fetched a new list, and try again. See `bevis doctor`.
problem-catching_up = {$detail ->
    [grant] The source was restored. It waits until the person's wallet has asked about this consent.
    [mailbox] The source cannot reach the mailbox, where a withdrawal may lie. It gives nothing out before that.
   *[other] The home was restored and is still taking the trust list from other organisations.
    }
remedy-catching_up = {$detail ->
    [grant] Try again later. The wallet asks by itself while it runs; `bevis wallet grants --ask` asks at once.
    [mailbox] Try again in a while. At the source: see with `bevis node ping` whether the mailbox's operator answers.
   *[other] Leave the node running and connected. `bevis doctor` shows how many organisations have answered. An anchor's home that runs no node takes the newest bundle by `bevis trust import`.
    }
problem-status_conflict = An issuer signed two things about one status list that cannot both be.
remedy-status_conflict = Tell the issuer. `bevis doctor` names it; what was last consistent is used until it is too old.
problem-second_key_missing = The notice is not signed by two different keys of the register.
remedy-second_key_missing = Do not trust it. Let whoever has the second key sign: `bevis issuer notice sign FILE`.
problem-notice_conflict = Two signed notices of one register contradict each other. No further notice of it acts until somebody has decided which one is right.
remedy-notice_conflict = Call the register. Both are kept as evidence; see `bevis verifier notices list`.
problem-notice_gap = An earlier notice is missing. Those after it wait for it.
remedy-notice_gap = The node fetches it by itself. If that lasts, see `bevis verifier notices list`.
problem-notice_invalid = The notice does not fit what was published before it.
remedy-notice_invalid = Correct the field that is named. A notice that deletes or sets aside must name the opening of the same debtor.
problem-draft_open = Another draft of a notice is not finished.
remedy-draft_open = Publish or discard it first; see `bevis issuer notice list`.
problem-number_unsettled = The home was restored, and it is not known which notice was published last.
remedy-number_unsettled = Wait until the node has asked two other organisations. Then try again.
problem-evaluation_invalid = The answer was not computed with the key that the register published.
remedy-evaluation_invalid = Do not use it. The node tries again. If that lasts, call the register.
problem-not_listed = The trust list does not tie this node to the organisation.
remedy-not_listed = Ask whoever runs the list to include the node. `bevis whoami --json` gives its card.
problem-certificate_invalid = The node’s certificate is not valid.
remedy-certificate_invalid = Ask the organisation to make a new one: `bevis node certificate --renew`.
problem-certificate_superseded = A newer certificate has replaced this node's.
remedy-certificate_superseded = Let the node use the newest. If it was copied, make a new one: `bevis node certificate --renew`.
problem-clock_suspect = The clock of this machine does not agree with the clocks of others.
remedy-clock_suspect = Set the clock, best automatically, and try again. `bevis doctor` shows whom it does not agree with.
problem-unexpected_message = The message did not fit the conversation.
remedy-unexpected_message = Start again. If it recurs, update the program on both sides.
problem-rate_limited = {$detail ->
    [login] There were too many wrong attempts. No further ones are taken right now.
   *[other] Too many messages came in a short time.
    }
remedy-rate_limited = {$detail ->
    [login] Wait a minute, and try again. The wait doubles with each wrong attempt, up to an hour.
   *[other] Wait a little, and try again.
    }
problem-unreachable = No answer came in time.
remedy-unreachable = Check the network, and try again. `bevis node ping` shows whether the other side answers.
problem-mailbox_full = There is no room for more in the mailbox.
remedy-mailbox_full = Try again later. The message is kept here until it can be delivered.
problem-link_invalid = The link or QR code is cut or changed.
remedy-link_invalid = Copy the whole link again, from `bevis:` to its end.
problem-link_spent = The login link has been used or is too old.
remedy-link_spent = Make a new link with `bevis login`.
problem-login_needed = You must log in to see this.
remedy-login_needed = Open a new link from `bevis login`, or unlock the page.
problem-no_access = Your account has no access to this part.
remedy-no_access = Ask whoever manages the accounts for access.
problem-page_expired = The page is too old. Nothing was done.
remedy-page_expired = Open the page again, and try once more.
problem-foreign_origin = The request came from another site. Nothing was done.
remedy-foreign_origin = Open the page directly, from the link that `bevis login` shows.
problem-under_way = This is under way already.
remedy-under_way = Wait a little, and load the page again.
problem-token_invalid = The token for the API is missing, unknown or too old.
remedy-token_invalid = Make a new one: bevis api token add. Send it in the header Authorization: Bearer.
problem-idempotency_conflict = This idempotency key was used for something else.
remedy-idempotency_conflict = Use a new key for a new request, or send exactly the same again.
problem-usage = The command was not understood.
remedy-usage = See how to write it: add `--help`.
problem-wrong_passphrase = {$detail ->
    [person] The user name or the passphrase is wrong.
   *[other] The passphrase is wrong.
    }
remedy-wrong_passphrase = {$detail ->
    [person] Try again. Whoever runs the node can give you a new passphrase: `bevis person passphrase HANDLE`.
   *[other] Try again. Without the passphrase nobody can open the content.
    }
problem-passphrase_missing = A passphrase is needed, and none was given.
remedy-passphrase_missing = Type it when asked, or use `--passphrase-file FILE`.
problem-home_locked = Another process uses this home folder.
remedy-home_locked = Use the commands as they are; they reach the running process. Otherwise stop it first.
problem-home_missing = There is no home folder here.
remedy-home_missing = Make one: `bevis init --role wallet`. Or choose another with `--home`.
problem-home_exists = There is something here already. Nothing was changed.
remedy-home_exists = Choose another place. `--home` chooses the home folder.
problem-newer_format = The home folder was written by a newer version of the program.
remedy-newer_format = Update the program. Check the version with `bevis --version`.
problem-config_invalid = Something in the configuration is not valid.
remedy-config_invalid = Correct what is named, and check it with `bevis config check`.
problem-damaged = {$detail ->
    [erasure-keys] The file of the keys that can be destroyed is missing, damaged or an old copy.
   *[other] Stored data is damaged.
    }
remedy-damaged = {$detail ->
    [erasure-keys] Put the newest `erasure-keys` back where it was, beside what it opens. If it is lost: restore your last backup, `bevis backup restore FILE --set-aside`.
   *[other] Restore your last backup in its place: `bevis backup restore FILE --set-aside`. The damaged data is kept beside it.
    }
problem-file_failed = A file could not be read or written.
remedy-file_failed = Check that the file exists, that you may use it, and that the disk has room.
problem-disk_full = There is no room left on the disk.
remedy-disk_full = Free some space, and try again. What was stored already is still there.
problem-disk_read_only = The disk can only be read, not written to.
remedy-disk_read_only = Make the disk writable, and try again. What was stored already is still there.
problem-not_found = {$detail ->
    [entry] The history has no such entry, or the entry is about nothing that was shared.
   *[other] Nothing of this name was found.
    }
remedy-not_found = {$detail ->
    [entry] See the entries with their numbers: `bevis wallet history`.
   *[other] See what there is: `bevis wallet list` or `bevis verifier sessions`.
    }
problem-wrong_role = This node does not have the role that the command needs.
remedy-wrong_role = See its roles with `bevis whoami`, or choose another folder with `--home`.
problem-partly_done = Some rows were rejected. The rest is done.
remedy-partly_done = Correct the rows in the file of rejected rows, and import again.
problem-not_confirmed = You have not confirmed. Nothing was done.
remedy-not_confirmed = Run the command again, and type yes when asked. Without a keyboard, use `--yes`.
problem-state_final = {$detail ->
    [bulk] The bulk change is done or called off.
    [import] The import is done or was broken off.
   *[other] The status cannot change like this. What is revoked stays revoked.
    }
remedy-state_final = {$detail ->
    [bulk] Propose another one: `bevis issuer bulk propose`. See what was done: `bevis issuer bulk list`.
    [import] See what it did: `bevis issuer jobs`. Import the file again if something is missing.
   *[other] Issue a new credential instead: `bevis issuer offer --type TYPE`.
    }
problem-internal = Something went wrong on our side.
remedy-internal = Try again. If it recurs, run `bevis doctor` and look in the log.

# What is checked in an answer.
check-trust = the trust list is there and recent
check-form = the credential is whole and of the right form
check-issuer = the issuer is in the trust list
check-type = the issuer may issue this type
check-key = the key is the issuer's and was valid
check-signature = the issuer's signature matches
check-validity = the credential is valid at this time
check-schema = the information follows the rules of its type
check-status = the credential is not revoked
check-holder_binding = the credential belongs to the wallet that answered
check-audience = the answer is for us
check-nonce = the answer belongs to this session
check-freshness = the answer is fresh
check-sd_hash = the answer covers exactly what was sent
check-request = it is our request that was answered
check-query = all that we asked for is there, and nothing else
check-same_person = all credentials are about the same person
check-subject = the person is the customer of the case

# Verdicts, sessions, held credentials and history.
verdict-valid = valid
verdict-invalid = not valid
verdict-undecided = could not be decided
session-active = waiting for the customer to open it
session-fetched = opened by the customer, waiting for the answer
session-completed = completed
session-expired = expired
session-failed = ended; nothing was shared
held-valid = valid
held-expires_soon = expires soon
held-expired = expired
held-revoked = revoked
held-suspended = suspended
held-superseded = replaced by a newer one
held-used_up = all copies used
held-copies_void = the copies count as used, collect new ones
held-unknown = status unknown right now
event-collected = You collected a credential
event-shared = You shared information
event-identified = You showed who you are
event-authorised = You opened a company's wallet
event-refused = You said no
event-failed = It did not work
event-status_changed = The issuer changed the status of a credential
event-deleted = You deleted a credential
event-copies_void = The copies of a credential count as used, because the wallet was restored or copied
event-renewed = There is a newer credential to collect
event-granted = You gave a standing consent
event-used = A standing consent was used
event-withdrawn = You took a standing consent back
event-grant_expired = A standing consent has run out
event-reminded = A standing consent still stands
event-deletion_requested = You asked for deletion
event-deletion_answered = The recipient answered your request for deletion
event-reported = You wrote a report to the supervisory authority
event-reviewed = You showed who you are, to see what you have granted

# Wallet.
outcome-waiting = A request is waiting for your answer.
    Read it and say yes: bevis wallet present {$id}
    Say no: bevis wallet refuse {$id}
outcome-collected = The credential is in your wallet. See it: bevis wallet show {$id}
outcome-shared = You have shared the information. The recipient says: {$verdict}.
outcome-refused = You said no. Nothing was shared.
outcome-carry = Take the text below to the other wallet, and open it there: bevis wallet receive -
    Check words: {$words}
    The same words must stand on the other screen. If they differ, stop.
present-confirm = Do you want to share this? Type yes to share. Anything else is no.
delete-consequence = The credential will be gone from your wallet. This cannot be undone, but you can ask the issuer for a new one.
delete-confirm = Do you want to delete the credential? Type yes to delete. Anything else is no.
deleted = The credential is deleted.
exported = Everything that is yours is in {$path}. The file is not sealed, so take care of it.
ask-code = Activation code
wallet-empty = The wallet is empty. Collect a credential: bevis wallet receive LINK
requests-empty = Nothing is waiting for your answer.
request-state-waiting = waits for your answer
request-state-answered = answered, on its way to the recipient
request-state-refused = you said no, which is told later
history-empty = Nothing has happened in this wallet yet.
grants-empty = You have given no standing consent.
grant-state-under_way = on its way
grant-state-active = in force
grant-state-withdrawn = taken back
grant-state-expired = run out
grant-given = The consent is in force until { $until }.
grant-given-withdrawn = The consent was taken back { $ended }.
grant-given-expired = The consent ran out { $ended }.
grant-deletion = The customer has asked for deletion.
grant-logout = What was fetched for the login is erased.
grant-use =   { $number }. fetched { $time }
grant-withdrawn = The consent is taken back. It counts from now on.
grant-acknowledged =   { $name } has acknowledged it.
grant-to-be-told =   { $name } could not be reached; it is told as soon as it can be.
outcome-granted = You have given the consent. See it and take it back: bevis wallet grants
outcome-posted = The other side is off. It is in its mailbox and counts when it is fetched.
post-relation = { $name }: mailboxes at { $operators }; letters on their way: { $count }.
letters-new = New letters: { $count }.
letters-unanswered = { $name } could not be asked for letters just now.
outcome-erased = The recipient has answered:
said-erased = {"  "}Erased { $at }: { $what }
said-erased-often = {"  "}Erased { $at }: { $what }, fetched { $count } times
said-erased-nothing = {"  "}Nothing is erased.
said-kept = {"  "}Kept until { $until }: { $what }. Ground: { $ground }
said-claims = the information
said-session = the request and the receipt, without the information
said-consent = that the consent was given and used, without the information
ground-accountability = the duty to be able to show that the rules were followed (GDPR Article 5(2))
ground-consent_record = the duty to be able to show that the consent was given (GDPR Article 7(1))
grants-none-there = You have granted nothing of this type there.
reported = The report is signed: { $path }. What it says, for people: { $text }
grant-reminder = { $asker } may still fetch from { $issuer }, until { $until }. Fetched { $uses } times. Take it back: bevis wallet withdraw { $id }
outcome-told = Uses that were new: { $count }.

# Home folder, passphrase, backup and configuration.
ask-passphrase = Passphrase
ask-passphrase-again = Passphrase again
init-done = The home folder is ready: {$home}
    Keep the passphrase safe. Without it nobody can open the folder.
    See what remains to be done: bevis doctor
init-second-key = This home holds one more key of {$name}: {$kid}
    It signs what the node drafts, and is no node: keep it apart from the node, with somebody else.
    Put its key on the organisation's card: bevis keys join CARD
init-no-root = Nobody is chosen to vouch for the others yet. Take in the trust list: bevis trust import FILE --root FINGERPRINT
    Compare the fingerprint with the one that was published.
init-root = This node starts from the root with this fingerprint:
init-root-compare = Compare it with the one that was published. Then take in the list: bevis trust import FILE
backup-created = The backup is written: {$path}
    It is sealed with the same passphrase. Check it: bevis backup verify
backup-verified = The backup is whole: {$path}
backup-restored = The home folder is restored: {$path}. Do not use the old one any more.
    What was open when the copy was taken is void: requests, offers and codes.
    Wallet: the copies count as used. Collect new ones from the issuers.
    Issuer: what you have revoked since the copy was taken, you must revoke again.
backup-repaired = The backup has taken the place of the damaged data: {$path}. The damaged data is kept in {$aside}
    What was done after the backup was taken is missing. What was open then is void: requests, offers and codes.
    Wallet: the copies count as used. Collect new ones from the issuers.
    Issuer: what you have revoked since the backup was taken, you must revoke again.
    Do not use the old folder at the same time.
home-copied = This home folder was copied here. What was open in it is void, and unused copies count as used.
    Use only one of the folders. See what you must do again: bevis doctor
config-valid = The configuration is valid: {$path}
serve-pages = The pages are at { $address }
login-link = Open with this link, which works once: { $link }
login-once = The link works once, for { $minutes } minutes.
serve-ready = The node is ready after {$ms} ms. Stop it with Ctrl-C. It listens on:

# The asker.
verifier-asked = Give the link to the customer. Watch for the answer: bevis verifier watch {$session}
verifier-posted = The request is in the customer's mailbox. The link above works too. Watch for the answer: bevis verifier watch {$session}
session-line = Service {$service}, case {$case}
session-erased = The information was erased {$at}. Signed statement: {$signed}
session-deletion = The customer asked for deletion {$at}.
session-keep = You may keep the information until {$until}. Ground: {$ground}
session-ages = The status was {$status} s old and the trust list {$trust} s old when the answer was checked.
reach-none = No other node can be reached now. What is decided goes by what is held here.
reach-some = Not to be reached now: {$issuers}. Of them the status that is held here counts, with its age.
until-session-end = the session ends

# The issuer.
offer-code = Activation code: {$code}
    Give it to the person by another way than the link.
issuer-revoked = Revoked for good: {$count} (number of credentials).
issuer-suspended = Suspended: {$count} (number of credentials). Undo with: bevis issuer reinstate
issuer-reinstated = Valid again: {$count} (number of credentials).
import-progress = Importing: line {$done} of {$total}
import-resumed = Resuming an interrupted import, after line {$line}.
import-done = Rows: {$rows}. New: {$new}. Changed: {$changed}. Unchanged: {$unchanged}. Rejected: {$rejected}. Gone from the register: {$vanished}.
import-rejected = Rejected rows, with line, field and reason: {$path}
prepare-progress = Preparing: {$done} of {$total}
prepare-done = Deliveries prepared: {$count}, in {$ms} ms.

# Trust list.
key-made = A new key is made: {$kid}
    It signs once it is on the trust list. Send your card to the anchors: bevis whoami --json
key-joined = The card names all keys now: {$path}
    Send it to the anchors.
key-signs = signs now
key-listed = is on the trust list
key-unlisted = is not on the trust list yet
key-compromised = is in wrong hands and does not count
certificate-shown = Certificate number {$serial} for {$did}
    Node: {$peer}
    Roles: {$roles}
    Valid until {$expires}, {$days} days left
trust-anchor-made = The keys of the anchor {$id} are made. Give the card to whoever proposes the root.
trust-key-made = A new key is made. The old one signs until a root names the new one.
trust-card-written = The card is written: {$path}
trust-proposed = The proposal is written: {$path}
trust-fingerprint = Fingerprint of the first root:
trust-proposal-first-root = Proposal: the first root of a new network
trust-proposal-root = Proposal: root {$version} after root {$before}
trust-proposal-first-list = Proposal: the first trust list
trust-proposal-list = Proposal: trust list {$version} after list {$before}
trust-proposal-until = Valid until {$until}.
trust-signatures = Signed by root {$root}: {$have} of {$needed} ({$anchors})
trust-enough = Enough have signed. Make it ready for use: bevis trust publish
trust-one-class = All who have signed are of one class. It takes two: agency, bank, other.
trust-second = This home has already signed something else with number {$version}. If both come into use, the network splits.
    Sign only if the other one never comes into use: bevis trust sign --instead
trust-confirm = Do you want to sign this? Type yes to sign. Anything else is no.
notice-confirm = Do you want to sign this? Type yes to sign. Anything else is no.
trust-published = The bundle is written: {$path}
trust-published-root = It goes up to root {$root}.
trust-published-list = Trust list {$list} is confirmed until {$until}.
trust-list-next = There is no list yet. Propose the first one: bevis trust propose list
trust-list-missing = The list is signed by some who are no longer anchors. Propose a new one before anybody gets this bundle: bevis trust propose list
trust-head-missing = The head has {$have} of {$needed} signatures. Take the bundle to the next anchor: bevis trust publish
trust-root-imported = Root {$root} is taken. There is no list under it yet.
trust-shown-head = Confirmed until {$expires} (head {$version}).
trust-shown-root = Root {$version}, valid until {$expires}. So many anchors must sign: root {$roots}, list {$lists}, head {$heads}.
trust-anchor = {"  "}{$id}: {$name}, {$class ->
    [agency] agency
    [bank] bank
   *[other] other
    }
trust-first-root = Everything is checked from the first root:
trust-verified-history = The history holds: {$entries} versions, up to root {$root} and list {$list}.
trust-verified-roots = All signatures hold, up to root {$root}. There is no list in the bundle.
trust-verified-bundle = All signatures hold: root {$root}, list {$list}, confirmed until {$until}.
trust-verified-proposal = All signatures hold, and enough have signed.
trust-verified-unsigned = The signatures so far hold. More are needed.
trust-taken-root = {$number}. Root {$version}, taken {$taken}
trust-taken-list = {$number}. List {$version}, taken {$taken}
trust-exported = The whole history is written: {$path}
change-none = Nothing changes but number and time.
change-dangerous = What is marked with “!” takes protection away or gives more power. Ask why before you sign.
change-begins-anew = The list begins anew from one that the present anchors have not signed.
change-operator = The network is now run by {$after}, before by {$before}.
change-until = Valid until {$after}, before until {$before}.
change-organisation-admitted = {$name} ({$number}, {$did}) comes onto the list.
change-organisation-removed = {$name} ({$number}, {$did}) leaves the list. Nothing from it counts any more.
change-organisation-renamed = {$did} is now called {$after}, before {$before}.
change-key-added = {$organisation} gets the key {$key}. It counts from {$from} until {$until}.
change-key-removed = {$organisation} loses the key {$key}. Nothing that it signed counts any more.
change-key-replaced = {$organisation} gets another key under the name {$key}.
change-key-window = The key {$key} of {$organisation} counts {$after}, before {$before}.
change-key-compromised = The key {$key} of {$organisation} has been in wrong hands since {$at}. Nothing that it signed counts.
change-key-cleared = The key {$key} of {$organisation} counts again after it was in wrong hands.
change-node-added = {$organisation} gets the node {$peer} at {$addresses}
change-node-removed = {$organisation} loses the node {$peer}
change-node-moved = The node {$peer} of {$organisation} is now at {$after}, before at {$before}
change-type-gained = {$organisation} may issue {$vct}
change-type-lost = {$organisation} may no longer issue {$vct}
change-service-gained = {$organisation} may ask under {$service}
change-service-lost = {$organisation} may no longer ask under {$service}
change-claim-gained = {$organisation} may under {$service} ask for this of {$vct}: {$claims}
change-claim-lost = {$organisation} may under {$service} no longer ask for this of {$vct}: {$claims}
change-service-term = {$organisation}, {$service}: {$member} is now {$after}, before {$before}
change-anchor-admitted = {$name} ({$anchor}) becomes an anchor. Class: {$class ->
    [agency] agency
    [bank] bank
   *[other] other
    }
change-anchor-removed = {$name} ({$anchor}) is no longer an anchor. Class: {$class ->
    [agency] agency
    [bank] bank
   *[other] other
    }
change-anchor-renamed = The anchor {$anchor} is now {$after}, before {$before}.
change-anchor-key-added = The anchor {$anchor} gets the key {$key} for {$role ->
    [root] the root
    [list] the list
   *[head] the head
    }
change-anchor-key-removed = The anchor {$anchor} loses the key {$key} for {$role ->
    [root] the root
    [list] the list
   *[head] the head
    }
change-threshold = So many anchors must sign now: {$after}. Before: {$before}. This is about {$role ->
    [root] the root
    [list] the list
   *[head] the head
    }
change-counter-reset = Everybody starts counting anew, because enough keys leave to have signed alone. This is about {$role ->
    [root] the root
    [list] the list
   *[head] the head
    }
trust-signed = The signature is added: {$path}
trust-imported = Trust list version {$sequence} is in use. Organisations on it: {$count}.
trust-shown = Trust list version {$sequence} from {$operator}. The next is due by {$next}.
trust-issues = {"  "}may issue: {$types}
trust-services = {"  "}may ask under: {$services}

# The node's health.
doctor-home = Home folder
doctor-home-remedy = Nobody but you should be able to open it: chmod 700
doctor-disk = Free disk space
doctor-disk-remedy = Free some space, or move the home folder to a larger disk.
doctor-key = Days left for the key
doctor-key-remedy = The key is running out. Make a new one (bevis keys rotate), and have it listed before that.
doctor-certificate = Days left for the certificate
doctor-certificate-remedy = The node renews it by itself while the trust list names it with a key that counts. Try: bevis node certificate --renew
doctor-vouching = Days left for root and list
doctor-vouching-remedy = The anchors have to sign a new root or list before that. Tell them.
doctor-head = Age of the head
doctor-head-remedy = An anchor that runs signs it anew every six hours, and nobody has. See the log, and sign one by hand: bevis trust publish
doctor-head-signatures = Signatures that a head needs
doctor-head-signatures-remedy = With more than one, no node signs it by itself. Somebody has to sign a new one together each day, or nobody decides anything: bevis trust publish
doctor-trust = Trust list
doctor-trust-remedy = Take in the newest list: bevis trust import FILE
doctor-status = Age of status list
doctor-status-remedy = Nothing newer has come from the issuer for half of the time that a service accepts, or more; beyond it nothing is decided. See whether it can be reached: bevis node ping
doctor-lists = Status list that cannot be used
doctor-lists-remedy = The issuer has to mend the list; until then nothing from it can be confirmed
doctor-notices = Missing notices
doctor-notices-remedy = Those that came after them wait and close no account. The node asks all the time; see whether the register can be reached: bevis node ping
doctor-gossip = Nodes to hear news from
doctor-gossip-remedy = None of the others on the trust list is connected, so news comes only when the node asks. See whether it reaches them and they reach it: bevis node peers, bevis node ping
doctor-alarm = Alarm
doctor-alarm-remedy = Somebody signed two things that cannot both be right. `bevis node alarms` shows what and from whom it came; tell the anchors or the issuer, then dismiss it there
doctor-older-list = An older trust list
doctor-older-list-remedy = Somebody showed a version older than ours, validly signed: an old file, an anchor that was cut off, or somebody who holds you back. `bevis node alarms` shows both; ask the anchors when it comes again, then dismiss it there
doctor-alarms-lost = Alarms that could not be kept
doctor-alarms-lost-remedy = Dismiss the alarms that you have looked at (`bevis node alarms`), so that there is room; the log names those that were lost
doctor-caught-up = Taking the trust list after a restore
doctor-caught-up-remedy = Nothing is given out until enough organisations have answered; leave the node running and connected
doctor-store = Store
doctor-store-remedy = The store was repaired, or the folder is a copy. Make a backup, and use only one of the folders.
doctor-epoch = Restoring or copying
doctor-epoch-remedy = Wallet: collect new credentials. Issuer: revoke again what you revoked after the copy, and make new offers. Ask customers again.
doctor-clock = Clock
doctor-clock-remedy = Set the clock, best automatically. If only one other disagrees, theirs may be the one that is wrong.
doctor-relays = Places at relays
doctor-relays-remedy = Others cannot reach this node where it has none. See that each relay runs, that its PeerId and address in node.relays are right, and that the trust list names this node: bevis config show, bevis doctor
doctor-network = Network
doctor-network-remedy = The node is not listening. Start it: bevis serve. Check its address: bevis config show
doctor-listed = How the trust list names this node
doctor-listed-remedy = Send your card to the anchors: bevis whoami --json

# The demo.
population-written = Registers of made-up people and companies are written to {$path}
demo-step-1 = 1. The nodes start, and all learn whom to trust
demo-step-2 = 2. A citizen and a company collect their credentials
demo-step-3 = 3. They share what they are asked for, and nothing else
demo-step-4 = 4. What must fail, fails. The same without cheating works
demo-node-identity = The digitalisation agency
demo-node-tax = The tax administration
demo-node-loans = The student loan fund
demo-node-guarantor = Solid Garanti
demo-node-registry = The company registry
demo-node-bank = Syntetisk Sparebank
demo-node-roads = The roads administration
demo-node-citizen = The citizen
demo-node-company = The haulier
demo-node-anchor = The state’s anchor
demo-node-anchor-bank = The banks’ anchor
demo-node-anchor-other = The consumers’ anchor
demo-node-insurer = Syntetisk Liv og Skade
demo-node-pension = Syntetisk Pensjon
demo-node-demo = The demo
demo-node-stranger = The stranger
demo-node-lender = Hurtiglån
demo-anchor = {$node} has made its keys, as {$class ->
    [agency] agency
    [bank] bank
   *[other] other
    }
demo-founded = {$node} has made the first root of {$count} cards. {$signers} anchors of different classes have signed
demo-ready = {$node} is running ({$ms} ms)
demo-processes = {$node} runs {$count} nodes, each in a process of its own with a folder of its own under {$root}
demo-listed = {$node} is listed: {$issues ->
    [none] issues no credentials
   *[other] may issue {$issues}
    }, {$services ->
    [none] asks for nothing
   *[other] may ask under {$services}
    }
demo-signed = {$node} has confirmed trust list version {$sequence}, which {$signers} anchors have signed
demo-trusted = {$node} has given the list to all {$count} nodes. Now they know who is who
demo-population = {$node} has made up {$persons} people and {$companies} companies (seed {$seed})
demo-imported = {$node} read in the register for {$type ->
    [C01] “Person identification”
    [C02] “Monthly income”
    [C03] “Tax assessment”
    [C04] “Student loan”
    [C05] “Transport licence guarantee”
    [C06] “Company registration”
   *[other] {$type}
    }: {$rows} rows, {$rejected} rejected ({$ms} ms)
demo-lists = {$count} nodes that check credentials have fetched the issuers’ status lists ({$ms} ms)
demo-collected = {$node} collected {$type ->
    [C01] “Person identification”
    [C02] “Monthly income”
    [C03] “Tax assessment”
    [C04] “Student loan”
    [C05] “Transport licence guarantee”
    [C06] “Company registration”
   *[other] {$type}
    } from {$issuer ->
    [identity] the digitalisation agency
    [tax] the tax administration
    [loans] the student loan fund
    [guarantor] Solid Garanti
    [registry] the company registry
   *[other] {$issuer}
    } ({$ms} ms)
demo-words = {$node} is to be opened by its general manager. The two screens show the same check words: {$words}
demo-asked = {$node} asks {$wallet ->
    [citizen] the citizen
    [company] the haulier
    [stranger] the stranger
   *[other] {$wallet}
    } to share information for {$service ->
    [S01] a loan application
    [S15] the student loan balance
    [K01] a customer check
    [K02] identification
    [S09] a transport licence guarantee
   *[other] {$service}
    } (session {$session})
demo-verdict = {$node} got the answer for {$service ->
    [S01] a loan application
    [S15] the student loan balance
    [K01] a customer check
    [K02] identification
    [S09] a transport licence guarantee
   *[other] {$service}
    }: {$verdict}. {$ok} of {$all} checks hold ({$ms} ms from yes to verdict, {$all_ms} ms in all)
demo-stranger-collected = {$node} has collected real credentials of its own, and will now misuse them
demo-refused = ✗ {$what ->
    [over_ask_own] {$node} tries to ask for the student loan in a loan application. Its own node refuses
    [over_ask] {$node} is asked for the student loan in a loan application, by a lender that may not. The wallet refuses
    [unlisted] {$node} is asked by a bank that is not listed. The wallet refuses
    [replay] {$node} gets the same answer a second time. The node refuses
    [digit] {$node} gets an answer with one digit changed. The node refuses
    [stolen] {$node} gets a credential shown from the wrong wallet. The node refuses
    [guarantee_ended] {$node} gets a guarantee that has been ended. The node refuses
   *[other] {$node} refuses ({$what})
    }: {$sentence} [{$code}]
demo-accepted = ✓ {$what ->
    [over_ask] {$node} is asked for income by the same lender, which it may. The request waits for an answer
    [unlisted] {$node} just let through a question from a lender that is listed
    [answer] {$node} accepts the answer when nobody has changed it
    [guarantee] {$node} accepts the guarantee while nobody has ended it
   *[other] {$node} accepts ({$what})
    }
demo-register-changed = {$node} has changed the register for {$type ->
    [C01] “Person identification”
    [C02] “Monthly income”
    [C03] “Tax assessment”
    [C04] “Student loan”
    [C05] “Transport licence guarantee”
    [C06] “Company registration”
   *[other] {$type}
    }: {$changed} changed, {$revoked} revoked, {$superseded} replaced
demo-mirrored = {$node} has learned of the change at {$issuer ->
    [identity] the digitalisation agency
    [tax] the tax administration
    [loans] the student loan fund
    [guarantor] Solid Garanti
    [registry] the company registry
   *[other] {$issuer}
    } ({$ms} ms)
demo-pending = ✓ {$node} accepts a guarantee under notice, because the notice has not run out [{$code}]
demo-link = Link to {$node}, works once: {$link}
demo-opened = All is ready. The passphrase is {$passphrase} everywhere. End with Ctrl-C.
demo-reach = {$node} is yours to try: bevis --home {$home} --passphrase-file {$passphrase_file} doctor
demo-consent-step-1 = 1. The network
demo-consent-step-2 = 2. A standing consent: given once, used, seen, taken back
demo-consent-step-3 = 3. The same, with the bank off when it is taken back
demo-consent-step-4 = 4. The same, with the student loan fund off when it is taken back
demo-consent-granted = {$node} has said yes once ({$ms} ms)
demo-consent-closed = {$node} has closed the wallet
demo-consent-used = {$node} has fetched the balance from the student loan fund, number {$number} ({$ms} ms)
demo-consent-seen = {$node} opens the wallet and sees {$count} uses ({$ms} ms)
demo-consent-use = {"   "}use {$number}: {$at}
demo-consent-withdrawn = {$node} has taken it back ({$ms} ms): the student loan fund {$issuer_told -> 
    [true] knows
   *[false] is off
 }, the bank {$asker_told ->
    [true] knows
   *[false] is off
 }
demo-consent-refused = {$node} refuses the next fetch [{$code}]: {$sentence}
demo-consent-erased = {$node} acknowledges by its signature: erased {$erased}, kept {$kept} ({$ground})
demo-consent-off = {$node} is off
demo-consent-heard = {$node} has heard of it by itself ({$ms} ms after it was back)
demo-consent-receipt = {$node} opens the wallet and has the signed receipt
demo-end = {$node} is done, and all went as it must ({$total_ms} ms)
demo-stopped = {$node} stopped before its end [{$code}]

# The story of trust.
demo-trust-step-1 = 1. The network begins: anchors, nodes, and a list that all of them hold
demo-trust-step-2 = 2. A new agency is admitted
demo-trust-step-3 = 3. An agency changes its key, and what the old one signed still counts
demo-trust-step-4 = 4. A rogue issuer is thrown out
demo-trust-step-5 = 5. A credential is revoked
demo-trust-step-6 = 6. A company goes bankrupt
demo-trust-step-7 = 7. How fast everybody knew
demo-trust-root = {$anchors} anchors have made the first root. {$threshold} of them have to sign each list
demo-trust-homes = {$node} has made {$count} homes ({$ms} ms)
demo-trust-processes = {$node} runs {$count} nodes, each in a process of its own with a folder of its own under {$root} ({$ms} ms)
demo-trust-list = The anchors have signed the first list, of {$count} organisations and {$bytes} bytes ({$ms} ms)
demo-trust-liars = {$node} has let in {$count} more nodes that lie or say nothing. The times do not count them
demo-trust-trusted = {$node} has given the list to all {$count} nodes ({$ms} ms). From now on it spreads by itself
demo-trust-collected = {$wallet ->
    [citizen] The citizen
    [neighbour] The neighbour
   *[other] Another citizen
    } has collected a proof of identity from {$issuer}
demo-trust-memory = {$processes} processes of {$role ->
    [agency] agencies
   *[bank] banks
    }: {$resident_kib} KiB each, {$proportional_kib} KiB without what they share, {$all_mib} MiB in all
demo-trust-rest = {$rests ->
    [yes] The nodes rest, and take {$processor_ms} ms of processor time a second (waited {$waited_ms} ms)
   *[no] The nodes do not rest: they take {$processor_ms} ms of processor time a second (waited {$waited_ms} ms). What follows is measured beside that
    }
demo-trust-spread = {$what ->
    [admitted] The new agency
    [rotated] The new key
    [delisted] The exclusion
    [revoked] The revocation
   *[bankrupt] The notice of bankruptcy
    } reached {$seen} of {$nodes} {$what ->
    [revoked] banks
    [bankrupt] banks
   *[other] nodes
    }: half of them in {$p50_ms} ms, 95 % in {$p95_ms} ms, 99 % in {$p99_ms} ms, all in {$p100_ms} ms
demo-trust-answers = ✓ {$what ->
    [before_admission] All {$banks} banks accept what there was before
    [admitted] All {$banks} banks accept what the new agency issues
    [before_rotation] All {$banks} banks accept the credential before the key changes
    [old_key] All {$banks} banks still accept what the old key signed
    [new_key] All {$banks} banks accept what the new key signs
    [before_delisting] All {$banks} banks accept the rogue’s credential as long as it is listed
    [delisted] All {$banks} banks refuse the rogue’s credential now
    [before_revocation] All {$banks} banks accept the credential before it is revoked
   *[revoked] All {$banks} banks refuse the credential now
    }{$answer ->
    [valid] {""}
   *[other] : {$sentence} [{$answer}]
    }
demo-trust-matched = ✓ {$node}: {$banks} banks have the company as a customer, and all of them blocked its accounts. None of the {$others} others did anything
demo-trust-end = {$node} is done, and all went as it must ({$total_ms} ms)
demo-trust-stopped = {$node} stopped before its end [{$code}]
demo-trust-table-what = change
demo-trust-table-nodes = nodes
demo-trust-table-half = 50 %
demo-trust-table-most = 95 %
demo-trust-table-nearly = 99 %
demo-trust-table-all = 100 %
demo-trust-table-begun = 99 % from the start
demo-trust-table-admitted = new agency
demo-trust-table-rotated = new key
demo-trust-table-delisted = issuer thrown out
demo-trust-table-revoked = credential revoked
demo-trust-table-bankrupt = bankruptcy

# --- ops ---
man-written = { $count } manual pages are written: {$path}
config-default = else {$value}
config-must-be-given = must be given
serve-status = Ready. Nodes connected: {$peers}. Trust list {$version}.
serve-status-no-trust = Ready, but without a trust list.
serve-stopping = Stopping. What is under way is finished.
rights-closed = Only you can open this now: {$place}
backup-made = {"  "}Made {$made}
backup-made-unknown = {"  "}It does not say when it was made.
backup-contents = {"  "}Roles: {$roles}. Rows: {$rows}. Size: {$mib} MiB.
    {"  "}Store: {$store}
migrate-current = The home folder has the format of this program ({$format}). Nothing was changed.
migrate-planned = The home folder has format {$format}, and this program writes format {$supported}. This would be done, after a sealed copy:
migrate-rewrite-journal = {"  "}The journal is written anew. It needs room beside the old one.
migrate-done = The home folder has format {$supported} now. Older versions of the program cannot open it any more.
    A sealed copy from before lies here: {$copy}
    Remove it when everything works as it should.
bugreport-written = The report is written: {$path}
    It should name nobody. Read it all the same before you send it.
bugreport-left-out = Something is missing, and the report says what. With the passphrase, or while the node runs, it holds more.
doctor-key-soon = Few days left for the key
doctor-key-soon-remedy = Do it now: make a new one (bevis keys rotate), and send the card to the anchors (bevis whoami --json). Without it nothing that you sign counts.
doctor-permissions = Who can open the files
doctor-permissions-remedy = Take the right from others: bevis doctor --fix. If it says “uid”, another user owns the folder: run as that user.
doctor-backup = Days since the backup
doctor-backup-remedy = Make one now: bevis backup create FILE. Keep it in another place.
doctor-ports = Ports that answer
doctor-ports-remedy = The node says that it listens there, and this machine does not reach it. See whether the firewall shuts out local connections, and restart the node.
doctor-peers = Connected of the trust list
doctor-peers-remedy = See who is connected: bevis node peers
doctor-sealed = What is sealed
doctor-sealed-remedy = Give the passphrase, or see whether the node that runs answers. Only what can be seen from outside was checked.
# --- ops2 ---
serve-admin = Health and figures: http://{$address}/readyz and /metrics.
admin-403 = A web page from elsewhere may not ask here.
admin-404 = There are only /livez, /readyz and /metrics here.
admin-405 = You can only fetch here: GET or HEAD.
admin-413 = No content is taken here.
admin-421 = Ask by the name localhost or the address 127.0.0.1.
admin-431 = The question is too long.
admin-503 = The node is busy and did not answer in time. Ask again in a while.
ready-internal = A role has stopped after a failure.
ready-internal-remedy = Restart the node, and look in the log.
ready-trust_missing = The node has no trust list.
ready-trust_missing-remedy = Take it in: `bevis trust import FILE`.
ready-trust_stale = The trust list has run out. Nothing can be decided.
ready-trust_stale-remedy = See whether the node reaches others: `bevis node peers`. Or take the list from a file: `bevis trust import FILE`.
ready-clock_suspect = The trust list was signed later than the clock here shows.
ready-clock_suspect-remedy = Set the clock, best automatically.
ready-status_stale = The issuer’s status is too old to decide by.
ready-status_stale-remedy = See whether the node reaches the issuer: `bevis node ping DID`.
ready-catching_up = The home was restored. The node waits for the heads of others.
ready-catching_up-remedy = Leave it running, and see that it reaches others: `bevis node peers`.
ready-disk_full = There is too little room on the disk.
ready-disk_full-remedy = Make room. What was stored is still there.
ready-disk_read_only = The disk cannot be written to.
ready-disk_read_only-remedy = See why it became read-only, and mount it anew.
ready-unreachable = The node has not joined the network.
ready-unreachable-remedy = Wait until it is ready. Then see its addresses: `bevis node status`.
ready-not_listed = The trust list does not have this node.
ready-not_listed-remedy = Send the card to those who keep the list: `bevis --json whoami`.
ready-key_outside_window = The key that signs has ended.
ready-key_outside_window-remedy = Make the next one: `bevis keys rotate`. Then send the new card.
ready-certificate_invalid = The node has no certificate that counts.
ready-certificate_invalid-remedy = Make a new one: `bevis node certificate --renew`.
# --- people ---
problem-not_permitted = This account may not do that.
remedy-not_permitted = Ask whoever runs the node for access. Accounts are made on the command line: `bevis person add`.
problem-second_person_missing = This takes two different persons. Whoever proposed it cannot approve it too.
remedy-second_person_missing = Let somebody else approve, with an account of their own: `--as HANDLE`.
ask-person-passphrase = Passphrase of the account
ask-person-passphrase-again = The passphrase once more
person-added = The account is made: { $handle }
person-removed = The account is gone: { $handle }
person-passphrase-changed = The account has a new passphrase: { $handle }
person-gone = gone since { $at }
person-none = No accounts yet. Make one: `bevis person add`.
record-empty = Nothing is written yet.
record-more = Older entries: `bevis record list --from { $next }`
record-whole = The log is whole: { $count } entries. The last one has { $hash }
record-broken = The log breaks at entry { $number }
record-exported = { $count } entries written to { $path }
bulk-proposed = Proposed for { $count } credentials, { $rejected } lines rejected. Somebody else must approve before { $until }: { $bulk }
bulk-rejected = Rejected lines: { $path }
bulk-progress = { $done } of { $total }
bulk-finished = Done: { $count } credentials changed, { $passed } could not be changed. { $bulk }
bulk-paused = Stopped after { $count } credentials. Go on with `bevis issuer bulk resume { $bulk }`
bulk-cancelled = Called off after { $count } credentials: { $bulk }
import-paused = The import is stopped. Run the command again to go on: { $job }
key-proposed = A new key was proposed by { $by }. Somebody else must approve before { $until }: { $proposal }
key-cancelled = The proposal of a new key is called off: { $proposal }
