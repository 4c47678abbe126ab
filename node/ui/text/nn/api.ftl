# API-et for dei eigne systema til banken.
api-title = API for dei eigne systema til banken
api-lead = Systemet ditt spør kunden, får ei avgjerd med alle kontrollane, og høyrer om samtykke som blir tekne tilbake. Det viser kven det er med eit token.
api-document = Skildringa som OpenAPI 3.1
api-operations = Alt API-et kan gjere
api-operation = Kall
api-scope = Tokenet treng
api-what = Kva det gjer
api-token-made = Tokenet { $name } gjeld til { $until }. Det blir vist berre no. Legg det der berre systemet ditt kan lese det.
api-token-none = Ingen token er laga.
api-token-one = { $name }  { $scopes }  til { $until }
api-token-removed = Tokenet { $name } gjeld ikkje lenger.
webhook-added = Hendingar blir sende dit frå no. Løyndomen blir vist berre no. Prøv: bevis verifier webhook test { $id }
webhook-none = Hendingar blir ikkje sende nokon stad.
webhook-one = { $id }  { $url }  { $state }  ventar: { $waiting }  gav opp: { $dead }
webhook-state-active = blir sendt
webhook-state-gone = stansa: mottakaren vil ikkje ha meir (410)
webhook-removed = Ingenting blir sendt dit lenger: { $id }
webhook-tested = Mottakaren tok imot prøva og svarte { $status }.
webhook-not-taken = Mottakaren tok ikkje imot prøva: { $why }
webhook-replayed = Blir sendt på nytt: { $count }
webhook-no-dead = Alt er levert eller på veg.
webhook-dead-one = { $id }  { $delivery }  { $event }  { $at }  { $last }
sandbox-begins = Sandkassa blir gjord klar.
sandbox-ready =
    Sandkassa er klar. Alle i ho er oppdikta. Stopp ho med Ctrl-C.
      API-et er her: { $api }
      Telefonane til testpersonane er her: { $phones }
      Adresser og token ligg i { $env }
    Send lenkja frå ein førespurnad til ein telefon: POST { $phones }/1
    Testpersonane:
sandbox-person-valid = har eit gyldig bevis og seier ja
sandbox-person-revoked = har eit bevis som er trekt tilbake
sandbox-person-suspended = har eit bevis som er sett på pause
sandbox-person-expired = har eit bevis som er gått ut på tid
sandbox-person-wrong-holder = viser eit bevis som er laga for ein annan telefon
sandbox-person-unknown-issuer = har eit bevis frå ein utstedar som ingen kjenner
sandbox-person-stale-status = har eit bevis med gammal status
sandbox-person-refused = seier nei
sandbox-person-no-answer = svarer ikkje
sandbox-person-wrong-person = viser eit bevis som gjeld nokon andre
