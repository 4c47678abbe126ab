# The API for a bank's own systems.
api-title = API for a bank's own systems
api-lead = Your system asks a customer, gets a verdict with every check, and hears of consents that are taken back. It shows who it is by a token.
api-document = The description as OpenAPI 3.1
api-operations = Everything that the API can do
api-operation = Call
api-scope = The token needs
api-what = What it does
api-token-made = The token { $name } counts until { $until }. It is shown only now. Put it where your system alone can read it.
api-token-none = No token has been made.
api-token-one = { $name }  { $scopes }  until { $until }
api-token-removed = The token { $name } counts no more.
webhook-added = Events are sent there from now on. The secret is shown only now. Try it: bevis verifier webhook test { $id }
webhook-none = Events are sent nowhere.
webhook-one = { $id }  { $url }  { $state }  waiting: { $waiting }  given up: { $dead }
webhook-state-active = sent
webhook-state-gone = stopped: the receiver wants no more (410)
webhook-removed = Nothing is sent there any more: { $id }
webhook-tested = The receiver took the test and answered { $status }.
webhook-not-taken = The receiver did not take the test: { $why }
webhook-replayed = Sent again: { $count }
webhook-no-dead = Everything is delivered or on its way.
webhook-dead-one = { $id }  { $delivery }  { $event }  { $at }  { $last }
sandbox-begins = The sandbox is being made.
sandbox-ready =
    The sandbox is ready. Everybody in it is made up. Stop it with Ctrl-C.
      The API is here: { $api }
      The phones of the test persons are here: { $phones }
      Addresses and token lie in { $env }
    Send the link of a request to a phone: POST { $phones }/1
    The test persons:
sandbox-person-valid = has a valid credential and says yes
sandbox-person-revoked = has a credential that was revoked
sandbox-person-suspended = has a credential that is suspended
sandbox-person-expired = has a credential that has expired
sandbox-person-wrong-holder = shows a credential that was made for another phone
sandbox-person-unknown-issuer = has a credential of an issuer that nobody knows
sandbox-person-stale-status = has a credential whose status is old
sandbox-person-refused = says no
sandbox-person-no-answer = does not answer
sandbox-person-wrong-person = shows a credential of somebody else
