# API-et for bankens egne systemer.
api-title = API for bankens egne systemer
api-lead = Systemet ditt spør kunden, får en avgjørelse med alle kontrollene, og hører om samtykker som tas tilbake. Det viser hvem det er med et token.
api-document = Beskrivelsen som OpenAPI 3.1
api-operations = Alt API-et kan gjøre
api-operation = Kall
api-scope = Tokenet trenger
api-what = Hva det gjør
api-token-made = Tokenet { $name } gjelder til { $until }. Det vises bare nå. Legg det der bare systemet ditt kan lese det.
api-token-none = Ingen token er laget.
api-token-one = { $name }  { $scopes }  til { $until }
api-token-removed = Tokenet { $name } gjelder ikke lenger.
webhook-added = Hendelser sendes dit fra nå. Hemmeligheten vises bare nå. Prøv: bevis verifier webhook test { $id }
webhook-none = Hendelser sendes ingen steder.
webhook-one = { $id }  { $url }  { $state }  venter: { $waiting }  ga opp: { $dead }
webhook-state-active = sendes
webhook-state-gone = stanset: mottakeren vil ikke ha mer (410)
webhook-removed = Ingenting sendes dit lenger: { $id }
webhook-tested = Mottakeren tok imot prøven og svarte { $status }.
webhook-not-taken = Mottakeren tok ikke imot prøven: { $why }
webhook-replayed = Sendes igjen: { $count }
webhook-no-dead = Alt er levert eller på vei.
webhook-dead-one = { $id }  { $delivery }  { $event }  { $at }  { $last }
sandbox-begins = Sandkassen gjøres klar.
sandbox-ready =
    Sandkassen er klar. Alle i den er oppdiktet. Stopp den med Ctrl-C.
      API-et er her: { $api }
      Testpersonenes telefoner er her: { $phones }
      Adresser og token ligger i { $env }
    Send lenken fra en forespørsel til en telefon: POST { $phones }/1
    Testpersonene:
sandbox-person-valid = har et gyldig bevis og sier ja
sandbox-person-revoked = har et bevis som er trukket tilbake
sandbox-person-suspended = har et bevis som er satt på pause
sandbox-person-expired = har et bevis som er gått ut på tid
sandbox-person-wrong-holder = viser et bevis som er laget for en annen telefon
sandbox-person-unknown-issuer = har et bevis fra en utsteder som ingen kjenner
sandbox-person-stale-status = har et bevis med gammel status
sandbox-person-refused = sier nei
sandbox-person-no-answer = svarer ikke
sandbox-person-wrong-person = viser et bevis som gjelder noen andre
