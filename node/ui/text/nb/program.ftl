# Rammen rundt feil, og ordet som betyr ja.
error = Feil
cause = Årsak
remedy = Gjør dette
yes = ja
clock = kl.

# Hva som var for mye i en forespørsel.
too-much = For mye
too-much-type = beviset «{$type}», som ikke hører til {$service}
too-much-claim = opplysningen «{$claim}»
too-much-service = hele tjenesten «{$service}», som den som spør ikke er registrert for
too-much-time = fristen for å svare er lengre enn tjenesten tillater
too-much-purpose = formålet er et annet enn tjenestens
too-much-ground = det rettslige grunnlaget er et annet enn tjenestens
too-much-keep = opplysningene blir lagret lenger enn tjenesten tillater
too-much-status = sjekken av om beviset er trukket tilbake, får være eldre enn tjenesten tillater
too-much-rung = en grense til i den samme saken
too-much-grant = et stående samtykke, som tjenesten ikke er registrert for
too-much-grant-days = samtykket varer lenger enn tjenesten tillater; `--days` kan være høyst {$days}
too-much-grant-until = samtykket varer lenger enn tjenesten tillater
too-much-grant-uses = flere hentinger om dagen enn tjenesten tillater
too-much-grant-uses-most = flere hentinger om dagen enn tjenesten tillater; `--uses` kan være høyst {$uses}
too-much-uses-today = flere hentinger i dag enn samtykket gir rett til

# Hvorfor noe ble nektet, og hva du kan gjøre.
problem-wrong_subject = Opplysningene gjelder en annen enn den saken er om.
remedy-wrong_subject = Sjekk fødselsnummeret eller organisasjonsnummeret i saken, og spør på nytt.
problem-wrong_recipient = Meldingen er til noen andre.
remedy-wrong_recipient = Åpne den i lommeboken eller noden den er ment for.
problem-wrong_session = Lommeboken som er åpen, tilhører en annen enn den forespørselen gjelder.
remedy-wrong_session = Åpne lommeboken til den som blir spurt. Velg den med `--home`.
problem-not_yet_valid = Beviset gjelder ikke ennå.
remedy-not_yet_valid = Vent til startdatoen, eller bruk et annet bevis. Sjekk også at klokken på maskinen går riktig.
problem-expired = Tiden er gått ut.
remedy-expired = Hent et nytt bevis, eller be om en ny forespørsel: `bevis wallet receive LENKE`.
problem-over_ask = {$detail ->
    [rung] Den som spør, har alt fått svar på én grense i denne saken, og får ikke svar på en til.
   *[other] Den som spør, ber om mer enn den er registrert for.
    }
remedy-over_ask = {$detail ->
    [rung] Ikke del. En grense til sier mer om hva du tjener enn den som spør får vite i én sak.
   *[other] Ikke del. Er det du som spør: Be bare om det tjenesten er registrert for, se `bevis trust show`.
    }
problem-no_legal_ground = Det rettslige grunnlaget gjelder ikke for denne tjenesten.
remedy-no_legal_ground = Ikke del. Er det du som spør: Bruk grunnlaget som står i registreringen.
problem-revoked = Beviset er trukket tilbake av utstederen.
remedy-revoked = Spør utstederen hvorfor. Har du rett på et nytt, henter du det med `bevis wallet receive LENKE`.
problem-suspended = Beviset er satt på pause av utstederen.
remedy-suspended = Spør utstederen. Beviset kan bli gyldig igjen.
problem-superseded = Et nyere bevis har tatt over for dette.
remedy-superseded = Hent det nye beviset: `bevis wallet receive LENKE`.
problem-terminated_pending = Det er sagt opp, men gjelder til oppsigelsestiden er ute.
remedy-terminated_pending = Se på sluttdatoen, og finn en ny avtale før den.
problem-role_missing = Personen har ikke en rolle i registeret som gir rett til dette.
remedy-role_missing = Be daglig leder gjøre det, eller få rollen registrert i Brønnøysundregistrene.
problem-shielded = Opplysningene er skjermet og blir ikke gitt ut.
remedy-shielded = Ta kontakt med utsteder på en annen måte.
problem-trace_unavailable = Innsynsloggen kunne ikke skrives. Derfor blir ingenting gitt ut.
remedy-trace_unavailable = Prøv igjen senere. Driver du noden, sjekker du disken med `bevis doctor`.
problem-withdrawn = Samtykket er trukket tilbake.
remedy-withdrawn = Be personen om et nytt samtykke hvis det fortsatt trengs.
problem-not_paired = Kundens lommebok har ikke sagt hvor den kan skrives til.
remedy-not_paired = Spør kunden med en lenke, med --pair; etter et ja kan forespørsler legges i postkassen.
problem-unknown_grant = Det finnes ikke noe slikt samtykke her.
remedy-unknown_grant = Se hva du har gitt: `bevis wallet grants`. Er det du som spør? Sjekk hvilken kilde det ble gitt til, og be personen om et nytt.
problem-not_licensed = Virksomheten mangler den registreringen den trenger.
remedy-not_licensed = Få registreringen på plass, og prøv igjen.
problem-replay = Svaret er brukt før og kan ikke brukes en gang til.
remedy-replay = Be om en ny forespørsel, og svar på den.
problem-stale = Opplysningene er for gamle.
remedy-stale = Hent et ferskt bevis hos utstederen, og prøv igjen.
problem-malformed = Innholdet har ikke riktig form.
remedy-malformed = Be avsenderen lage det på nytt, og sjekk at hele teksten kom med.
problem-too_large = Innholdet er for stort.
remedy-too_large = Del det opp, eller send mindre.
problem-duplicate_key = Det samme feltet står to ganger.
remedy-duplicate_key = Fjern det ene feltet, eller be avsenderen lage teksten på nytt.
problem-unsupported = Denne versjonen av programmet kjenner ikke formatet.
remedy-unsupported = Oppdater programmet. Sjekk versjonen med `bevis --version`.
problem-unknown_issuer = Utstederen står ikke på tillitslisten.
remedy-unknown_issuer = Stol ikke på beviset. Er listen din gammel, henter du en ny: `bevis trust import FIL`.
problem-type_not_allowed = Utstederen har ikke lov til å utstede slike bevis.
remedy-type_not_allowed = Ingen skal stole på et slikt bevis. Se hvem som kan utstede det: `bevis trust show`.
problem-unknown_type = Denne typen bevis er ikke kjent her.
remedy-unknown_type = Se hvilke typer som finnes: `bevis issuer types`.
problem-unknown_key = Nøkkelen tilhører ikke virksomheten som er oppgitt.
remedy-unknown_key = Stol ikke på innholdet. Hent ny tillitsliste om virksomheten nettopp har byttet nøkkel.
problem-key_outside_window = Nøkkelen var ikke gyldig da det ble signert.
remedy-key_outside_window = Stol ikke på innholdet. Be utstederen om et nytt bevis.
problem-key_compromised = Nøkkelen kan være på avveie og gjelder ikke lenger.
remedy-key_compromised = Stol ikke på innholdet. Be utstederen om et nytt bevis.
problem-signature_invalid = Signaturen stemmer ikke. Innholdet kan være endret.
remedy-signature_invalid = Stol ikke på innholdet. Be om det på nytt fra den som laget det.
problem-disclosure_invalid = En opplysning i beviset er endret eller hører ikke til.
remedy-disclosure_invalid = Stol ikke på svaret. Be om et nytt.
problem-schema_invalid = Opplysningene følger ikke reglene for denne typen bevis.
remedy-schema_invalid = Rett feltet som er nevnt, eller si fra til utstederen.
problem-holder_binding_missing = Svaret viser ikke at beviset tilhører den som deler det.
remedy-holder_binding_missing = Be om et nytt svar rett fra lommeboken.
problem-holder_binding_invalid = Beviset tilhører en annen lommebok enn den som svarte.
remedy-holder_binding_invalid = Stol ikke på svaret. Beviset kan være kopiert fra noen andre.
problem-wrong_audience = Svaret var laget for en annen mottaker.
remedy-wrong_audience = Be om et nytt svar på din egen forespørsel.
problem-wrong_nonce = Svaret hører til en annen forespørsel.
remedy-wrong_nonce = Send en ny forespørsel, og be om svar på den.
problem-wrong_sd_hash = Svaret dekker ikke nøyaktig det som ble sendt.
remedy-wrong_sd_hash = Stol ikke på svaret. Be om et nytt.
problem-wrong_request = Svaret er på en annen forespørsel.
remedy-wrong_request = Svar på den forespørselen som venter: `bevis wallet requests`.
problem-different_persons = Bevisene i svaret gjelder ulike personer.
remedy-different_persons = Del bare bevis som gjelder den samme personen.
problem-claims_missing = Svaret mangler noe det ble spurt om.
remedy-claims_missing = Hent beviset som mangler, og svar på nytt.
problem-claims_unrequested = Svaret viser noe det ikke ble spurt om.
remedy-claims_unrequested = Del bare det forespørselen gjelder.
problem-unsigned_request = Forespørselen er ikke signert. Ingen vet hvem som spør.
remedy-unsigned_request = Ikke svar. Be om en ny forespørsel fra noen du kjenner.
problem-unknown_verifier = Den som spør, står ikke på tillitslisten.
remedy-unknown_verifier = Ikke svar. Er listen din gammel, henter du en ny: `bevis trust import FIL`.
problem-wrong_origin = Forespørselen kom fra en annen enn den som har signert.
remedy-wrong_origin = Ikke svar. Be om en ny forespørsel direkte fra virksomheten.
problem-unsupported_query = Spørsmålet er stilt på en måte vi ikke støtter.
remedy-unsupported_query = Still spørsmålet enklere. Se hva `bevis verifier request --help` tilbyr.
problem-not_presented = Ingenting ble delt.
remedy-not_presented = Opplysningene kan gis på en annen måte.
problem-copies_spent = Alle kopiene av beviset er brukt.
remedy-copies_spent = Hent nye kopier hos utstederen: `bevis wallet receive LENKE`.
problem-copies_void = Kopiene av beviset teller som brukt, for lommeboken er hentet tilbake eller kopiert.
remedy-copies_void = Hent nye kopier hos utstederen: `bevis wallet receive LENKE`.
problem-unknown_session = Forespørselen finnes ikke, eller den er avsluttet.
remedy-unknown_session = Se hva som er åpent: `bevis wallet requests` eller `bevis verifier sessions`.
problem-unknown_offer = Tilbudet finnes ikke hos utstederen.
remedy-unknown_offer = Be utstederen om et nytt tilbud.
problem-offer_closed = Tilbudet er brukt eller trukket tilbake.
remedy-offer_closed = Se om beviset alt ligger i lommeboken: `bevis wallet list`. Ellers ber du om et nytt tilbud.
problem-wrong_code = Aktiveringskoden er feil.
remedy-wrong_code = Les koden en gang til, og prøv på nytt. Etter noen forsøk stenges tilbudet.
problem-attempts_exhausted = Koden er skrevet feil for mange ganger. Tilbudet er stengt.
remedy-attempts_exhausted = Be utstederen om et nytt tilbud med ny kode.
problem-possession_invalid = Lommeboken viste ikke at den har nøkkelen sin.
remedy-possession_invalid = Prøv igjen fra lommeboken som skal ha beviset.
problem-keys_not_covered = Legitimeringen gjelder ikke for denne lommeboken.
remedy-keys_not_covered = Begynn på nytt, og sammenlign kontrollordene på de to skjermene.
problem-keys_changed = Beviset ble bedt sendt til en annen lommebok enn første gang.
remedy-keys_changed = Bruk den første lommeboken, eller be utstederen om et nytt tilbud.
problem-no_data = Registeret har ingen opplysninger om personen eller virksomheten.
remedy-no_data = Spør utstederen om opplysningene skulle vært der.
problem-wrong_wallet = Dette er feil slags lommebok: personlig i stedet for virksomhetens, eller omvendt.
remedy-wrong_wallet = Åpne den andre lommeboken. Velg den med `--home`.
problem-trust_missing = Det finnes ingen tillitsliste her ennå.
remedy-trust_missing = Hent listen: `bevis trust import FIL`.
problem-anchor_missing = Noden kjenner ingen rot å gå ut fra.
remedy-anchor_missing = Legg til `--root` med fingeravtrykket av den første roten. Sammenlign det med det som er kunngjort.
problem-trust_stale = Tillitslisten er for gammel.
remedy-trust_stale = Hent en ny: `bevis trust import FIL`.
problem-trust_rollback = Tillitslisten er eldre enn den du har fra før.
remedy-trust_rollback = Be om den nyeste listen. Se versjonen din med `bevis trust show`.
problem-trust_mismatch = Tillitslistens deler hører ikke sammen.
remedy-trust_mismatch = Hent hele samlingen på nytt, helst fra en annen. Se hva du har med `bevis trust show`.
problem-trust_threshold = For få har signert tillitslisten.
remedy-trust_threshold = La flere ankre signere, fra minst to slag virksomheter. `bevis trust verify FIL` viser hvem som mangler.
problem-trust_conflict = Det finnes to ulike tillitslister med samme nummer.
remedy-trust_conflict = Stol ikke på noen av dem før ankrene har svart. Begge er tatt vare på som bevis; se `bevis doctor`.
problem-status_missing = Vi vet ikke om beviset er trukket tilbake. Statuslisten mangler.
remedy-status_missing = Vent til noden har hentet listen, og prøv igjen. Se `bevis node status`.
problem-status_stale = Statuslisten er for gammel til å si om beviset gjelder.
remedy-status_stale = Vent til noden har hentet en ny liste, og prøv igjen. Se `bevis doctor`.
problem-catching_up = {$detail ->
    [grant] Kilden ble gjenopprettet. Den venter til lommeboken til personen har spurt om dette samtykket.
    [mailbox] Kilden når ikke postkassen, der en tilbaketrekking kan ligge. Den gir ingenting ut før det.
   *[other] Hjemmet ble gjenopprettet og henter fortsatt tillitslisten fra andre virksomheter.
    }
remedy-catching_up = {$detail ->
    [grant] Prøv igjen senere. Lommeboken spør av seg selv når den er på; `bevis wallet grants --ask` spør med en gang.
    [mailbox] Prøv igjen om litt. Hos kilden: se med `bevis node ping` om den som har postkassen, svarer.
   *[other] La noden stå på og være på nett. `bevis doctor` viser hvor mange virksomheter som har svart. Hjemmet til et anker uten node tar den nyeste pakken med `bevis trust import`.
    }
problem-status_conflict = En utsteder har signert to ting om samme statusliste som ikke begge kan stemme.
remedy-status_conflict = Meld fra til utstederen. `bevis doctor` navngir den; det som sist stemte, brukes til det er for gammelt.
problem-second_key_missing = Varselet er ikke signert med to forskjellige nøkler fra registeret.
remedy-second_key_missing = Stol ikke på det. La den som har den andre nøkkelen, signere: `bevis issuer notice sign FIL`.
problem-notice_conflict = To signerte varsler fra samme register motsier hverandre. Ingen flere varsler derfra virker før noen har avgjort hvilket som er riktig.
remedy-notice_conflict = Ring registeret. Begge er tatt vare på som bevis; se `bevis verifier notices list`.
problem-notice_gap = Et tidligere varsel mangler. De som kom etter, venter på det.
remedy-notice_gap = Noden henter det selv. Varer det, se `bevis verifier notices list`.
problem-notice_invalid = Varselet passer ikke til det som er kunngjort før det.
remedy-notice_invalid = Rett feltet som er nevnt. Et varsel som sletter eller opphever, må vise til åpningen av samme skyldner.
problem-draft_open = Et annet utkast til varsel er ikke ferdig.
remedy-draft_open = Kunngjør det eller forkast det først; se `bevis issuer notice list`.
problem-number_unsettled = Hjemmet er gjenopprettet, og det er ikke kjent hvilket varsel som ble kunngjort sist.
remedy-number_unsettled = Vent til noden har spurt to andre virksomheter. Da kan du prøve igjen.
problem-evaluation_invalid = Svaret er ikke regnet ut med nøkkelen som registeret har kunngjort.
remedy-evaluation_invalid = Bruk det ikke. Noden prøver igjen. Varer det, ring registeret.
problem-not_listed = Tillitslisten knytter ikke denne noden til virksomheten.
remedy-not_listed = Be den som driver listen, om å ta noden med. Kortet får du med `bevis whoami --json`.
problem-certificate_invalid = Nodens sertifikat er ikke gyldig.
remedy-certificate_invalid = Be virksomheten lage et nytt: `bevis node certificate --renew`.
problem-certificate_superseded = Nodens sertifikat er erstattet av et nyere.
remedy-certificate_superseded = La noden bruke det nyeste. Har den vært kopiert, lag et nytt: `bevis node certificate --renew`.
problem-clock_suspect = Klokken på denne maskinen stemmer ikke med klokkene til andre.
remedy-clock_suspect = Still klokken, helst automatisk, og prøv igjen. `bevis doctor` viser hvem den ikke stemmer med.
problem-unexpected_message = Meldingen passet ikke inn i samtalen.
remedy-unexpected_message = Begynn på nytt. Skjer det igjen, oppdaterer du programmet på begge sider.
problem-rate_limited = {$detail ->
    [login] Det var for mange feil forsøk. Ingen nye forsøk blir tatt imot akkurat nå.
   *[other] Det kom for mange meldinger på kort tid.
    }
remedy-rate_limited = {$detail ->
    [login] Vent et minutt, og prøv igjen. Ventetiden dobles for hvert feil forsøk, til høyst en time.
   *[other] Vent litt, og prøv igjen.
    }
problem-unreachable = Vi fikk ikke svar i tide.
remedy-unreachable = Sjekk nettet, og prøv igjen. `bevis node ping` viser om den andre svarer.
problem-mailbox_full = Det er ikke plass til mer i postkassen.
remedy-mailbox_full = Prøv igjen senere. Meldingen beholdes her til den kan leveres.
problem-link_invalid = Lenken eller QR-koden er kuttet eller endret.
remedy-link_invalid = Kopier hele lenken på nytt, fra `bevis:` til slutten.
problem-link_spent = Innloggingslenken er brukt eller for gammel.
remedy-link_spent = Lag en ny lenke med `bevis login`.
problem-login_needed = Du må logge inn for å se dette.
remedy-login_needed = Åpne en ny lenke fra `bevis login`, eller lås opp siden.
problem-no_access = Kontoen din har ikke tilgang til denne delen.
remedy-no_access = Be den som styrer kontoene om tilgang.
problem-page_expired = Siden er for gammel. Ingenting ble gjort.
remedy-page_expired = Åpne siden på nytt, og prøv igjen.
problem-foreign_origin = Forespørselen kom fra et annet nettsted. Ingenting ble gjort.
remedy-foreign_origin = Åpne siden direkte, fra lenken som `bevis login` viser.
problem-under_way = Dette er allerede i gang.
remedy-under_way = Vent litt, og last siden på nytt.
problem-token_invalid = Nøkkelen til API-et mangler, er ukjent eller er gått ut på tid.
remedy-token_invalid = Lag en ny: bevis api token add. Send den i hodet Authorization: Bearer.
problem-idempotency_conflict = Denne idempotensnøkkelen er brukt til noe annet.
remedy-idempotency_conflict = Bruk en ny nøkkel for en ny forespørsel, eller send nøyaktig det samme igjen.
problem-usage = Kommandoen ble ikke forstått.
remedy-usage = Se hvordan den skrives: legg til `--help`.
problem-wrong_passphrase = {$detail ->
    [person] Brukernavnet eller passordet er feil.
   *[other] Passordet er feil.
    }
remedy-wrong_passphrase = {$detail ->
    [person] Prøv igjen. Har du glemt passordet, kan driften gi deg et nytt: `bevis person passphrase BRUKERNAVN`.
   *[other] Prøv igjen. Uten passordet kan ingen åpne innholdet.
    }
problem-passphrase_missing = Det trengs et passord, og ingen ga det.
remedy-passphrase_missing = Skriv det når du blir spurt, eller bruk `--passphrase-file FIL`.
problem-home_locked = Et annet program bruker denne hjemmemappen.
remedy-home_locked = Bruk kommandoene som de er; de når programmet som kjører. Ellers stopper du det først.
problem-home_missing = Det finnes ingen hjemmemappe her.
remedy-home_missing = Lag en: `bevis init --role wallet`. Eller velg en annen med `--home`.
problem-home_exists = Det ligger noe her fra før. Ingenting er endret.
remedy-home_exists = Velg et annet sted. Hjemmemappen velger du med `--home`.
problem-newer_format = Hjemmemappen er skrevet av en nyere versjon av programmet.
remedy-newer_format = Oppdater programmet. Sjekk versjonen med `bevis --version`.
problem-config_invalid = Noe i innstillingene er ikke gyldig.
remedy-config_invalid = Rett det som er nevnt, og sjekk med `bevis config check`.
problem-damaged = {$detail ->
    [erasure-keys] Filen med nøklene som kan slettes, mangler, er skadet eller er en gammel kopi.
   *[other] Lagrede data er skadet.
    }
remedy-damaged = {$detail ->
    [erasure-keys] Legg den nyeste `erasure-keys` tilbake der den lå, ved siden av det den åpner. Er den tapt? Hent inn siste sikkerhetskopi: `bevis backup restore FIL --set-aside`.
   *[other] Hent inn siste sikkerhetskopi i stedet: `bevis backup restore FIL --set-aside`. De skadde dataene blir tatt vare på ved siden av.
    }
problem-file_failed = En fil kunne ikke leses eller skrives.
remedy-file_failed = Sjekk at filen finnes, at du har tilgang, og at disken har plass.
problem-disk_full = Det er ikke plass på disken.
remedy-disk_full = Frigjør plass, og prøv igjen. Det som alt er lagret, er der fortsatt.
problem-disk_read_only = Disken kan bare leses, ikke skrives til.
remedy-disk_read_only = Gjør disken skrivbar, og prøv igjen. Det som alt er lagret, er der fortsatt.
problem-not_found = {$detail ->
    [entry] Historikken har ingen slik linje, eller linjen gjelder ikke noe som ble delt.
   *[other] Vi fant ingenting med dette navnet.
    }
remedy-not_found = {$detail ->
    [entry] Se linjene med numrene sine: `bevis wallet history`.
   *[other] Se hva som finnes: `bevis wallet list` eller `bevis verifier sessions`.
    }
problem-wrong_role = Denne noden har ikke rollen som kommandoen trenger.
remedy-wrong_role = Se rollene med `bevis whoami`, eller velg en annen mappe med `--home`.
problem-partly_done = Noen rader ble avvist. Resten er gjort.
remedy-partly_done = Rett radene i filen med avviste rader, og importer på nytt.
problem-not_confirmed = Du har ikke bekreftet. Ingenting er gjort.
remedy-not_confirmed = Kjør kommandoen igjen, og skriv ja når du blir spurt. Uten tastatur bruker du `--yes`.
problem-state_final = {$detail ->
    [bulk] Masseendringen er ferdig eller avlyst.
    [import] Importen er ferdig eller avbrutt.
   *[other] Statusen kan ikke endres slik. Det som er trukket tilbake, forblir det.
    }
remedy-state_final = {$detail ->
    [bulk] Foreslå en ny: `bevis issuer bulk propose`. Se hva som ble gjort: `bevis issuer bulk list`.
    [import] Se hva den gjorde: `bevis issuer jobs`. Ta inn fila på nytt hvis noe mangler.
   *[other] Utsted et nytt bevis i stedet: `bevis issuer offer --type TYPE`.
    }
problem-internal = Noe gikk galt hos oss.
remedy-internal = Prøv igjen. Skjer det på nytt, sjekker du med `bevis doctor` og ser i loggen.

# Det som blir sjekket i et svar.
check-trust = tillitslisten er på plass og ny nok
check-form = beviset er helt og har riktig form
check-issuer = utstederen står på tillitslisten
check-type = utstederen har lov til å utstede denne typen
check-key = nøkkelen er utstederens og var gyldig
check-signature = signaturen til utstederen stemmer
check-validity = beviset gjelder nå
check-schema = opplysningene følger reglene for typen
check-status = beviset er ikke trukket tilbake
check-holder_binding = beviset tilhører lommeboken som svarte
check-audience = svaret er til oss
check-nonce = svaret hører til denne forespørselen
check-freshness = svaret er ferskt
check-sd_hash = svaret dekker nøyaktig det som ble sendt
check-request = det er vår forespørsel som er besvart
check-query = alt vi spurte om er med, og ikke noe mer
check-same_person = alle bevisene gjelder samme person
check-subject = personen er kunden i saken

# Dom, økt, bevis i lommeboken og historikk.
verdict-valid = gyldig
verdict-invalid = ikke gyldig
verdict-undecided = kunne ikke avgjøres
session-active = venter på at kunden åpner
session-fetched = åpnet av kunden, venter på svar
session-completed = ferdig
session-expired = fristen gikk ut
session-failed = avsluttet uten at noe ble delt
held-valid = gyldig
held-expires_soon = går snart ut
held-expired = gått ut
held-revoked = trukket tilbake
held-suspended = satt på pause
held-superseded = erstattet av et nyere
held-used_up = alle kopier er brukt
held-copies_void = kopiene teller som brukt, hent nye
held-unknown = status ukjent akkurat nå
event-collected = Du hentet et bevis
event-shared = Du delte opplysninger
event-identified = Du viste hvem du er
event-authorised = Du åpnet lommeboken til en virksomhet
event-refused = Du sa nei
event-failed = Det gikk ikke
event-status_changed = Utstederen endret statusen til et bevis
event-deleted = Du slettet et bevis
event-copies_void = Kopiene av et bevis teller som brukt, for lommeboken er hentet tilbake eller kopiert
event-renewed = Det finnes et nyere bevis å hente
event-granted = Du ga et stående samtykke
event-used = Et stående samtykke ble brukt
event-withdrawn = Du trakk et stående samtykke tilbake
event-grant_expired = Et stående samtykke er utløpt
event-reminded = Et stående samtykke gjelder fortsatt
event-deletion_requested = Du ba om sletting
event-deletion_answered = Mottakeren svarte på kravet om sletting
event-reported = Du laget en melding til tilsynsmyndigheten
event-reviewed = Du viste hvem du er, for å se hva du har gitt samtykke til

# Lommebok.
outcome-waiting = Du har en forespørsel som venter på svar.
    Les den og svar ja: bevis wallet present {$id}
    Svar nei: bevis wallet refuse {$id}
outcome-collected = Beviset ligger i lommeboken. Se det: bevis wallet show {$id}
outcome-shared = Du har delt opplysningene. Mottakeren sier: {$verdict}.
outcome-refused = Du sa nei. Ingenting er delt.
outcome-carry = Ta teksten under med til den andre lommeboken, og åpne den der: bevis wallet receive -
    Kontrollord: {$words}
    De samme ordene skal stå på den andre skjermen. Er de ulike, må du stoppe.
present-confirm = Vil du dele dette? Skriv ja for å dele. Alt annet er nei.
delete-consequence = Beviset blir borte fra lommeboken. Det kan ikke angres, men du kan be utstederen om et nytt.
delete-confirm = Vil du slette beviset? Skriv ja for å slette. Alt annet er nei.
deleted = Beviset er slettet.
exported = Alt som er ditt, ligger i {$path}. Filen er ikke låst, så pass på den.
ask-code = Aktiveringskode
wallet-empty = Lommeboken er tom. Hent et bevis: bevis wallet receive LENKE
requests-empty = Ingenting venter på svar fra deg.
request-state-waiting = venter på svar fra deg
request-state-answered = besvart, på vei til mottakeren
request-state-refused = du sa nei, og det blir sagt fra senere
history-empty = Ingenting har skjedd i lommeboken ennå.
grants-empty = Du har ikke gitt noe stående samtykke.
grant-state-under_way = under veis
grant-state-active = gjelder
grant-state-withdrawn = trukket tilbake
grant-state-expired = utløpt
grant-given = Samtykket gjelder til { $until }.
grant-given-withdrawn = Samtykket ble trukket tilbake { $ended }.
grant-given-expired = Samtykket gikk ut { $ended }.
grant-deletion = Kunden har bedt om sletting.
grant-logout = Det som ble hentet for innloggingen, er slettet.
grant-use =   { $number }. hentet { $time }
grant-withdrawn = Samtykket er trukket tilbake. Det gjelder fra nå av.
grant-acknowledged =   { $name } har bekreftet det.
grant-to-be-told =   { $name } er ikke å nå nå, og får beskjed så snart det går.
outcome-granted = Du har gitt samtykket. Se det og trekk det tilbake: bevis wallet grants
outcome-posted = Den andre siden er av. Det ligger i postkassen og gjelder når det blir hentet.
post-relation = { $name }: postkasser hos { $operators }; meldinger underveis: { $count }.
letters-new = Nye meldinger: { $count }.
letters-unanswered = { $name } kunne ikke spørres om meldinger akkurat nå.
outcome-erased = Mottakeren har svart:
said-erased = {"  "}Slettet { $at }: { $what }
said-erased-often = {"  "}Slettet { $at }: { $what }, hentet { $count } ganger
said-erased-nothing = {"  "}Ingenting er slettet.
said-kept = {"  "}Beholdes til { $until }: { $what }. Grunnlag: { $ground }
said-claims = opplysningene
said-session = forespørselen og kvitteringen, uten opplysningene
said-consent = at samtykket ble gitt og brukt, uten opplysningene
ground-accountability = plikten til å kunne vise at reglene er fulgt (personvernforordningen artikkel 5 nr. 2)
ground-consent_record = plikten til å kunne vise at samtykket ble gitt (personvernforordningen artikkel 7 nr. 1)
grants-none-there = Du har ikke gitt samtykke til denne typen der.
reported = Meldingen er signert: { $path }. Det den sier, for mennesker: { $text }
grant-reminder = { $asker } kan fortsatt hente fra { $issuer }, til { $until }. Hentet { $uses } ganger. Trekk det tilbake: bevis wallet withdraw { $id }
outcome-told = Nye bruk: { $count }.

# Hjemmemappe, passord, sikkerhetskopi og innstillinger.
ask-passphrase = Passord
ask-passphrase-again = Passord en gang til
init-done = Hjemmemappen er klar: {$home}
    Ta vare på passordet. Uten det kan ingen åpne mappen.
    Se hva som gjenstår: bevis doctor
init-second-key = Denne mappen holder én nøkkel til for {$name}: {$kid}
    Den signerer det noden skriver utkast til, og er ingen node: oppbevar den et annet sted enn noden, hos en annen.
    Sett nøkkelen på kortet til virksomheten: bevis keys join KORT
init-no-root = Ingen er valgt til å gå god for de andre ennå. Hent tillitslisten: bevis trust import FIL --root FINGERAVTRYKK
    Sammenlign fingeravtrykket med det som er kunngjort.
init-root = Denne noden går ut fra roten med dette fingeravtrykket:
init-root-compare = Sammenlign det med det som er kunngjort. Hent så tillitslisten: bevis trust import FIL
backup-created = Sikkerhetskopien er skrevet: {$path}
    Den er låst med det samme passordet. Sjekk den: bevis backup verify
backup-verified = Sikkerhetskopien er hel: {$path}
backup-restored = Hjemmemappen er hentet tilbake: {$path}. Bruk ikke den gamle mer.
    Det som var åpent da kopien ble tatt, gjelder ikke lenger: forespørsler, tilbud og koder.
    Lommebok: kopiene teller som brukt. Hent nye hos utstederne.
    Utsteder: det du har trukket tilbake etter at kopien ble tatt, må du trekke tilbake på nytt.
backup-repaired = Sikkerhetskopien har tatt plassen til de skadde dataene: {$path}. De skadde dataene ligger i {$aside}
    Det som ble gjort etter at kopien ble tatt, mangler. Det som var åpent da, gjelder ikke lenger: forespørsler, tilbud og koder.
    Lommebok: kopiene teller som brukt. Hent nye hos utstederne.
    Utsteder: det du har trukket tilbake etter at kopien ble tatt, må du trekke tilbake på nytt.
    Bruk ikke den gamle mappen samtidig.
home-copied = Denne hjemmemappen er kopiert hit. Det som var åpent i den, gjelder ikke lenger, og ubrukte kopier teller som brukt.
    Bruk bare én av mappene. Se hva du må gjøre på nytt: bevis doctor
config-valid = Innstillingene er gyldige: {$path}
serve-pages = Sidene er på { $address }
login-link = Åpne med denne lenken, som virker én gang: { $link }
login-once = Lenken virker én gang, i { $minutes } minutter.
serve-ready = Noden er klar etter {$ms} ms. Stopp den med Ctrl-C. Den lytter på:

# Den som spør.
verifier-asked = Gi lenken til kunden. Følg med på svaret: bevis verifier watch {$session}
verifier-posted = Forespørselen er lagt i postkassen til kunden. Lenken over virker også. Følg med på svaret: bevis verifier watch {$session}
session-line = Tjeneste {$service}, sak {$case}
session-erased = Opplysningene er slettet {$at}. Signert erklæring: {$signed}
session-deletion = Kunden ba om sletting {$at}.
session-keep = Du kan beholde opplysningene til {$until}. Grunnlag: {$ground}
session-ages = Statusen var {$status} s gammel og tillitslisten {$trust} s gammel da svaret ble sjekket.
reach-none = Ingen andre noder er å nå nå. Det som avgjøres, bygger på det som er lagret her.
reach-some = Ikke å nå nå: {$issuers}. For dem gjelder statusen som er lagret her, med sin alder.
until-session-end = økten er slutt

# Utsteder.
offer-code = Aktiveringskode: {$code}
    Gi koden til personen på en annen måte enn lenken.
issuer-revoked = Trukket tilbake for godt: {$count} bevis.
issuer-suspended = Satt på pause: {$count} bevis. Opphev med: bevis issuer reinstate
issuer-reinstated = Gyldig igjen: {$count} bevis.
import-progress = Importerer: linje {$done} av {$total}
import-resumed = Fortsetter en import som ble avbrutt, etter linje {$line}.
import-done = Rader: {$rows}. Nye: {$new}. Endret: {$changed}. Uendret: {$unchanged}. Avvist: {$rejected}. Borte fra registeret: {$vanished}.
import-rejected = Avviste rader, med linje, felt og grunn: {$path}
prepare-progress = Klargjør: {$done} av {$total}
prepare-done = Klargjorde leveranser: {$count}, på {$ms} ms.

# Tillitsliste.
key-made = En ny nøkkel er laget: {$kid}
    Den signerer når den står på tillitslisten. Send kortet ditt til ankrene: bevis whoami --json
key-joined = Kortet navngir nå alle nøklene: {$path}
    Send det til ankrene.
key-signs = signerer nå
key-listed = står på tillitslisten
key-unlisted = står ikke på tillitslisten ennå
key-compromised = er på avveie og teller ikke
certificate-shown = Sertifikat nummer {$serial} for {$did}
    Node: {$peer}
    Roller: {$roles}
    Gyldig til {$expires}, {$days} dager igjen
trust-anchor-made = Nøklene til ankeret {$id} er laget. Gi kortet til den som foreslår roten.
trust-key-made = En ny nøkkel er laget. Den gamle signerer til en rot navngir den nye.
trust-card-written = Kortet er skrevet: {$path}
trust-proposed = Forslaget er skrevet: {$path}
trust-fingerprint = Fingeravtrykk av den første roten:
trust-proposal-first-root = Forslag: den første roten i et nytt nettverk
trust-proposal-root = Forslag: rot {$version} etter rot {$before}
trust-proposal-first-list = Forslag: den første tillitslisten
trust-proposal-list = Forslag: tillitsliste {$version} etter liste {$before}
trust-proposal-until = Gjelder til {$until}.
trust-signatures = Signert etter rot {$root}: {$have} av {$needed} ({$anchors})
trust-enough = Nok har signert. Gjør det klart til bruk: bevis trust publish
trust-one-class = De som har signert, er av samme slag. Det må være to slag: etat, bank, andre.
trust-second = Denne mappen har alt signert noe annet med nummer {$version}. Blir begge tatt i bruk, deler nettverket seg.
    Signer bare når det andre aldri blir tatt i bruk: bevis trust sign --instead
trust-confirm = Vil du signere dette? Skriv ja for å signere. Alt annet er nei.
notice-confirm = Vil du signere dette? Skriv ja for å signere. Alt annet er nei.
trust-published = Pakken er skrevet: {$path}
trust-published-root = Den går til rot {$root}.
trust-published-list = Tillitsliste {$list} er bekreftet til {$until}.
trust-list-next = Det er ingen liste ennå. Foreslå den første: bevis trust propose list
trust-list-missing = Listen er signert av noen som ikke lenger er ankre. Foreslå en ny før noen får denne pakken: bevis trust propose list
trust-head-missing = Bekreftelsen har {$have} av {$needed} signaturer. Ta pakken med til neste anker: bevis trust publish
trust-root-imported = Rot {$root} er tatt inn. Det er ingen liste under den ennå.
trust-shown-head = Bekreftet til {$expires} (bekreftelse {$version}).
trust-shown-root = Rot {$version}, gyldig til {$expires}. Så mange ankre må signere: rot {$roots}, liste {$lists}, bekreftelse {$heads}.
trust-anchor = {"  "}{$id}: {$name}, {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
trust-first-root = Alt er kontrollert fra den første roten:
trust-verified-history = Historien holder: {$entries} versjoner, til rot {$root} og liste {$list}.
trust-verified-roots = Alle signaturer holder, til rot {$root}. Det er ingen liste i pakken.
trust-verified-bundle = Alle signaturer holder: rot {$root}, liste {$list}, bekreftet til {$until}.
trust-verified-proposal = Alle signaturer holder, og nok har signert.
trust-verified-unsigned = Signaturene så langt holder. Det må flere til.
trust-taken-root = {$number}. Rot {$version}, tatt inn {$taken}
trust-taken-list = {$number}. Liste {$version}, tatt inn {$taken}
trust-exported = Hele historien er skrevet: {$path}
change-none = Ingenting endres utenom nummer og tid.
change-dangerous = Det som er merket med «!», tar bort vern eller gir mer makt. Spør hvorfor før du signerer.
change-begins-anew = Listen begynner på nytt fra en som dagens ankre ikke har signert.
change-operator = Nettverket drives nå av {$after}, før av {$before}.
change-until = Gjelder til {$after}, før til {$before}.
change-organisation-admitted = {$name} ({$number}, {$did}) kommer inn på listen.
change-organisation-removed = {$name} ({$number}, {$did}) går ut av listen. Ingenting fra den teller lenger.
change-organisation-renamed = {$did} heter nå {$after}, før {$before}.
change-key-added = {$organisation} får nøkkelen {$key}. Den gjelder fra {$from} til {$until}.
change-key-removed = {$organisation} mister nøkkelen {$key}. Ingenting den har signert, teller lenger.
change-key-replaced = {$organisation} får en annen nøkkel under navnet {$key}.
change-key-window = Nøkkelen {$key} til {$organisation} gjelder {$after}, før {$before}.
change-key-compromised = Nøkkelen {$key} til {$organisation} har vært på avveie siden {$at}. Ingenting den har signert, teller.
change-key-cleared = Nøkkelen {$key} til {$organisation} teller igjen etter å ha vært på avveie.
change-node-added = {$organisation} får noden {$peer} på {$addresses}
change-node-removed = {$organisation} mister noden {$peer}
change-node-moved = Noden {$peer} til {$organisation} er nå på {$after}, før på {$before}
change-type-gained = {$organisation} kan utstede {$vct}
change-type-lost = {$organisation} kan ikke lenger utstede {$vct}
change-service-gained = {$organisation} kan spørre under {$service}
change-service-lost = {$organisation} kan ikke lenger spørre under {$service}
change-claim-gained = {$organisation} kan under {$service} be om dette fra {$vct}: {$claims}
change-claim-lost = {$organisation} kan under {$service} ikke lenger be om dette fra {$vct}: {$claims}
change-service-term = {$organisation}, {$service}: {$member} er nå {$after}, før {$before}
change-anchor-admitted = {$name} ({$anchor}) blir anker. Slag: {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
change-anchor-removed = {$name} ({$anchor}) er ikke lenger anker. Slag: {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
change-anchor-renamed = Ankeret {$anchor} er nå {$after}, før {$before}.
change-anchor-key-added = Ankeret {$anchor} får nøkkelen {$key} til {$role ->
    [root] roten
    [list] listen
   *[head] bekreftelsen
    }
change-anchor-key-removed = Ankeret {$anchor} mister nøkkelen {$key} til {$role ->
    [root] roten
    [list] listen
   *[head] bekreftelsen
    }
change-threshold = Så mange ankre må signere nå: {$after}. Før: {$before}. Det gjelder {$role ->
    [root] roten
    [list] listen
   *[head] bekreftelsen
    }
change-counter-reset = Alle begynner å telle på nytt, fordi nok nøkler går ut til å ha signert alene. Det gjelder {$role ->
    [root] roten
    [list] listen
   *[head] bekreftelsen
    }
trust-signed = Signaturen er lagt til: {$path}
trust-imported = Tillitsliste versjon {$sequence} er i bruk. Virksomheter på listen: {$count}.
trust-shown = Tillitsliste versjon {$sequence} fra {$operator}. Neste kommer innen {$next}.
trust-issues = {"  "}kan utstede: {$types}
trust-services = {"  "}kan spørre under: {$services}

# Helsesjekk av noden.
doctor-home = Hjemmemappe
doctor-home-remedy = Bare du skal kunne åpne mappen: chmod 700
doctor-disk = Ledig diskplass
doctor-disk-remedy = Frigjør plass, eller flytt mappen til en større disk.
doctor-key = Dager igjen for nøkkelen
doctor-key-remedy = Nøkkelen går ut. Lag en ny (bevis keys rotate), og få den inn på tillitslisten før det skjer.
doctor-certificate = Dager igjen for sertifikatet
doctor-certificate-remedy = Noden fornyer det selv når den står på tillitslisten med en nøkkel som gjelder. Prøv: bevis node certificate --renew
doctor-vouching = Dager igjen for rot og liste
doctor-vouching-remedy = Ankrene må signere en ny rot eller liste før det. Si fra til dem.
doctor-head = Alder på bekreftelsen
doctor-head-remedy = Et anker som er i gang, signerer den på nytt hver sjette time, og ingen har gjort det. Se i loggen, og signer en for hånd: bevis trust publish
doctor-head-signatures = Signaturer en bekreftelse trenger
doctor-head-signatures-remedy = Når den trenger flere enn én, signerer ingen node den selv. Noen må signere en ny sammen hver dag, ellers avgjør ingen noe: bevis trust publish
doctor-trust = Tillitsliste
doctor-trust-remedy = Hent den nyeste listen: bevis trust import FIL
doctor-status = Alder på statusliste
doctor-status-remedy = Det er ikke kommet noe nyere fra utstederen på halvparten av tiden en tjeneste godtar, eller mer; etter det avgjøres ingenting. Se om den kan nås: bevis node ping
doctor-lists = Statusliste som ikke kan brukes
doctor-lists-remedy = Utstederen må rette listen; til da kan ingenting fra den bekreftes
doctor-notices = Varsler som mangler
doctor-notices-remedy = Det som kom etter, venter på dem og stenger ingen konto. Noden spør hele tiden; se om registeret kan nås: bevis node ping
doctor-gossip = Noder å høre nytt fra
doctor-gossip-remedy = Ingen av de andre på tillitslisten er koblet til, så nytt kommer først når noden spør. Se om den kan nå dem og nås av dem: bevis node peers, bevis node ping
doctor-alarm = Alarm
doctor-alarm-remedy = Noen har signert to ting som ikke begge kan være riktige. `bevis node alarms` viser hva og hvem det kom fra; si fra til ankrene eller utstederen, og kvitter det ut der
doctor-older-list = En eldre tillitsliste
doctor-older-list-remedy = Noen viste en eldre versjon enn vår, gyldig signert: en gammel fil, et anker som var uten nett, eller noen som vil holde dere tilbake. `bevis node alarms` viser begge; spør ankrene om det kommer igjen, og kvitter det ut der
doctor-alarms-lost = Alarmer som ikke fikk plass
doctor-alarms-lost-remedy = Kvitter ut alarmene du har sett på (`bevis node alarms`), så det blir plass; loggen navngir dem som gikk tapt
doctor-caught-up = Henter tillitslisten etter gjenoppretting
doctor-caught-up-remedy = Ingenting gis ut før nok virksomheter har svart; la noden stå på og være på nett
doctor-store = Lager
doctor-store-remedy = Lageret ble reparert, eller mappen er en kopi. Ta en sikkerhetskopi, og bruk bare én av mappene.
doctor-epoch = Tilbakehenting eller kopiering
doctor-epoch-remedy = Lommebok: hent nye bevis. Utsteder: trekk tilbake på nytt det du trakk tilbake etter kopien, og lag nye tilbud. Spør kundene på nytt.
doctor-clock = Klokken
doctor-clock-remedy = Still klokken, helst automatisk. Er det bare én andre som avviker, kan det være klokken deres som er feil.
doctor-relays = Plasser hos reléer
doctor-relays-remedy = Andre når ikke denne noden der den ikke har noen. Se at hvert relé går, at PeerId og adresse i node.relays er riktige, og at tillitslisten nevner denne noden: bevis config show, bevis doctor
doctor-network = Nettverk
doctor-network-remedy = Noden lytter ikke. Start den: bevis serve. Sjekk adressen: bevis config show
doctor-listed = Slik noden står på tillitslisten
doctor-listed-remedy = Send kortet ditt til ankrene: bevis whoami --json

# Demoen.
population-written = Registre med oppdiktede personer og virksomheter er skrevet til {$path}
demo-step-1 = 1. Nodene starter, og alle får vite hvem de kan stole på
demo-step-2 = 2. En innbygger og et selskap henter bevisene sine
demo-step-3 = 3. De deler det de blir spurt om, og ikke noe mer
demo-step-4 = 4. Det som skal feile, feiler. Det samme uten juks går bra
demo-node-identity = Digitaliseringsdirektoratet
demo-node-tax = Skatteetaten
demo-node-loans = Lånekassen
demo-node-guarantor = Solid Garanti
demo-node-registry = Brønnøysundregistrene
demo-node-bank = Syntetisk Sparebank
demo-node-roads = Statens vegvesen
demo-node-citizen = Innbyggeren
demo-node-company = Transportselskapet
demo-node-anchor = Statens anker
demo-node-anchor-bank = Bankenes anker
demo-node-anchor-other = Forbrukernes anker
demo-node-insurer = Syntetisk Liv og Skade
demo-node-pension = Syntetisk Pensjon
demo-node-demo = Demoen
demo-node-stranger = Den fremmede
demo-node-lender = Hurtiglån
demo-anchor = {$node} har laget sine nøkler, som {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
demo-founded = {$node} har samlet {$count} kort til den første roten. {$signers} ankre av ulikt slag har signert
demo-ready = {$node} er i gang ({$ms} ms)
demo-processes = {$node} kjører {$count} noder, hver i sin egen prosess med sin egen mappe under {$root}
demo-listed = {$node} står på listen: {$issues ->
    [none] utsteder ingen bevis
   *[other] kan utstede {$issues}
    }, {$services ->
    [none] spør ikke om noe
   *[other] kan spørre under {$services}
    }
demo-signed = {$node} har bekreftet tillitsliste versjon {$sequence}, som {$signers} ankre har signert
demo-trusted = {$node} har gitt listen til alle {$count} nodene. Nå vet de hvem som er hvem
demo-population = {$node} har diktet opp {$persons} personer og {$companies} virksomheter (frø {$seed})
demo-imported = {$node} leste inn registeret for {$type ->
    [C01] «Personbevis»
    [C02] «Månedsinntekt»
    [C03] «Skattegrunnlag»
    [C04] «Studielån»
    [C05] «Garanti for transportløyve»
    [C06] «Registrering i Enhetsregisteret»
   *[other] {$type}
    }: {$rows} rader, {$rejected} avvist ({$ms} ms)
demo-lists = {$count} noder som kontrollerer bevis, har hentet utstedernes statuslister ({$ms} ms)
demo-collected = {$node} hentet {$type ->
    [C01] «Personbevis»
    [C02] «Månedsinntekt»
    [C03] «Skattegrunnlag»
    [C04] «Studielån»
    [C05] «Garanti for transportløyve»
    [C06] «Registrering i Enhetsregisteret»
   *[other] {$type}
    } fra {$issuer ->
    [identity] Digitaliseringsdirektoratet
    [tax] Skatteetaten
    [loans] Lånekassen
    [guarantor] Solid Garanti
    [registry] Brønnøysundregistrene
   *[other] {$issuer}
    } ({$ms} ms)
demo-words = {$node} skal åpnes av daglig leder. De to skjermene viser de samme kontrollordene: {$words}
demo-asked = {$node} ber {$wallet ->
    [citizen] innbyggeren
    [company] transportselskapet
    [stranger] den fremmede
   *[other] {$wallet}
    } dele opplysninger til {$service ->
    [S01] lånesøknad
    [S15] saldo på studielån
    [K01] kundekontroll
    [K02] identifisering
    [S09] garanti for transportløyve
   *[other] {$service}
    } (økt {$session})
demo-verdict = {$node} fikk svar til {$service ->
    [S01] lånesøknad
    [S15] saldo på studielån
    [K01] kundekontroll
    [K02] identifisering
    [S09] garanti for transportløyve
   *[other] {$service}
    }: {$verdict}. {$ok} av {$all} kontroller i orden ({$ms} ms fra ja til svar, {$all_ms} ms i alt)
demo-stranger-collected = {$node} har hentet ekte bevis om seg selv, og skal nå misbruke dem
demo-refused = ✗ {$what ->
    [over_ask_own] {$node} prøver å be om studielån i en lånesøknad. Dens egen node nekter
    [over_ask] {$node} får spørsmål om studielån i en lånesøknad, fra en långiver uten lov til det. Lommeboken nekter
    [unlisted] {$node} får spørsmål fra en bank som ikke står på listen. Lommeboken nekter
    [replay] {$node} får det samme svaret en gang til. Noden nekter
    [digit] {$node} får et svar der ett siffer er endret. Noden nekter
    [stolen] {$node} får et bevis som er vist fra feil lommebok. Noden nekter
    [guarantee_ended] {$node} får en garanti som er avsluttet. Noden nekter
   *[other] {$node} nekter ({$what})
    }: {$sentence} [{$code}]
demo-accepted = ✓ {$what ->
    [over_ask] {$node} får spørsmål om inntekt av samme långiver, og det har den lov til. Forespørselen venter på svar
    [unlisted] {$node} slapp nettopp fram et spørsmål fra en långiver som står på listen
    [answer] {$node} godtar det samme svaret når ingen har endret det
    [guarantee] {$node} godtar garantien så lenge ingen har avsluttet den
   *[other] {$node} godtar ({$what})
    }
demo-register-changed = {$node} har endret registeret for {$type ->
    [C01] «Personbevis»
    [C02] «Månedsinntekt»
    [C03] «Skattegrunnlag»
    [C04] «Studielån»
    [C05] «Garanti for transportløyve»
    [C06] «Registrering i Enhetsregisteret»
   *[other] {$type}
    }: {$changed} endret, {$revoked} trukket tilbake, {$superseded} erstattet
demo-mirrored = {$node} har fått vite om endringen hos {$issuer ->
    [identity] Digitaliseringsdirektoratet
    [tax] Skatteetaten
    [loans] Lånekassen
    [guarantor] Solid Garanti
    [registry] Brønnøysundregistrene
   *[other] {$issuer}
    } ({$ms} ms)
demo-pending = ✓ {$node} godtar en garanti som er sagt opp, fordi oppsigelsestiden ikke er ute [{$code}]
demo-link = Lenke til {$node}, virker én gang: {$link}
demo-opened = Alt er klart. Passordfrasen overalt er {$passphrase}. Avslutt med Ctrl-C.
demo-reach = {$node} står åpen for deg: bevis --home {$home} --passphrase-file {$passphrase_file} doctor
demo-consent-step-1 = 1. Nettverket
demo-consent-step-2 = 2. Et stående samtykke: gitt én gang, brukt, sett, trukket tilbake
demo-consent-step-3 = 3. Det samme, mens banken er av når det trekkes tilbake
demo-consent-step-4 = 4. Det samme, mens Lånekassen er av når det trekkes tilbake
demo-consent-granted = {$node} har sagt ja én gang ({$ms} ms)
demo-consent-closed = {$node} har lukket lommeboken
demo-consent-used = {$node} har hentet saldoen fra Lånekassen, gang {$number} ({$ms} ms)
demo-consent-seen = {$node} åpner lommeboken og ser {$count} bruk ({$ms} ms)
demo-consent-use = {"   "}bruk {$number}: {$at}
demo-consent-withdrawn = {$node} har trukket det tilbake ({$ms} ms): Lånekassen {$issuer_told ->
    [true] vet det
   *[false] er av
 }, banken {$asker_told ->
    [true] vet det
   *[false] er av
 }
demo-consent-refused = {$node} nekter neste henting [{$code}]: {$sentence}
demo-consent-erased = {$node} bekrefter med sin signatur: slettet {$erased}, beholdt {$kept} ({$ground})
demo-consent-off = {$node} er av
demo-consent-heard = {$node} har hørt det av seg selv ({$ms} ms etter at den var tilbake)
demo-consent-receipt = {$node} åpner lommeboken og har den signerte kvitteringen
demo-end = {$node} er ferdig, og alt gikk som det skulle ({$total_ms} ms)
demo-stopped = {$node} stoppet før den var ferdig [{$code}]

# Fortellingen om tillit.
demo-trust-step-1 = 1. Nettet blir til: ankere, noder og en liste som alle har
demo-trust-step-2 = 2. En ny etat kommer med
demo-trust-step-3 = 3. En etat bytter nøkkel, og det gamle gjelder fortsatt
demo-trust-step-4 = 4. En uærlig utsteder blir kastet ut
demo-trust-step-5 = 5. Et bevis blir trukket tilbake
demo-trust-step-6 = 6. Et selskap går konkurs
demo-trust-step-7 = 7. Hvor fort alle fikk vite det
demo-trust-root = {$anchors} ankere har laget den første roten. {$threshold} av dem må signere hver liste
demo-trust-homes = {$node} har laget {$count} hjem ({$ms} ms)
demo-trust-processes = {$node} kjører {$count} noder, hver i sin egen prosess med sin egen mappe under {$root} ({$ms} ms)
demo-trust-list = Ankrene har signert den første listen, med {$count} virksomheter og {$bytes} byte ({$ms} ms)
demo-trust-liars = {$node} har sluppet inn {$count} noder til som lyver eller tier. De telles ikke med i tidene
demo-trust-trusted = {$node} har gitt listen til alle {$count} nodene ({$ms} ms). Fra nå av sprer den seg selv
demo-trust-collected = {$wallet ->
    [citizen] Innbyggeren
    [neighbour] Naboen
   *[other] En innbygger til
    } har hentet personbevis fra {$issuer}
demo-trust-memory = {$processes} prosesser som {$role ->
    [agency] etater
   *[bank] banker
    }: {$resident_kib} KiB hver, {$proportional_kib} KiB uten det de deler, {$all_mib} MiB i alt
demo-trust-rest = {$rests ->
    [yes] Nodene er i ro og bruker {$processor_ms} ms prosessortid i sekundet (ventet {$waited_ms} ms)
   *[no] Nodene er ikke i ro: de bruker {$processor_ms} ms prosessortid i sekundet (ventet {$waited_ms} ms). Det som følger, måles ved siden av dette
    }
demo-trust-spread = {$what ->
    [admitted] Den nye etaten
    [rotated] Den nye nøkkelen
    [delisted] Utestengelsen
    [revoked] Tilbaketrekkingen
   *[bankrupt] Konkursvarselet
    } nådde {$seen} av {$nodes} {$what ->
    [revoked] banker
    [bankrupt] banker
   *[other] noder
    }: halvparten på {$p50_ms} ms, 95 % på {$p95_ms} ms, 99 % på {$p99_ms} ms, alle på {$p100_ms} ms
demo-trust-answers = ✓ {$what ->
    [before_admission] Alle {$banks} bankene godtar det de har fra før
    [admitted] Alle {$banks} bankene godtar det den nye etaten utsteder
    [before_rotation] Alle {$banks} bankene godtar beviset før nøkkelbyttet
    [old_key] Alle {$banks} bankene godtar fortsatt det den gamle nøkkelen signerte
    [new_key] Alle {$banks} bankene godtar det den nye nøkkelen signerer
    [before_delisting] Alle {$banks} bankene godtar den uærlige utstederens bevis så lenge den står på listen
    [delisted] Alle {$banks} bankene avviser den uærlige utstederens bevis nå
    [before_revocation] Alle {$banks} bankene godtar beviset før det blir trukket tilbake
   *[revoked] Alle {$banks} bankene avviser beviset nå
    }{$answer ->
    [valid] {""}
   *[other] : {$sentence} [{$answer}]
    }
demo-trust-matched = ✓ {$node}: {$banks} banker har selskapet som kunde, og alle har sperret kontoene. Ingen av de {$others} andre har gjort noe
demo-trust-end = {$node} er ferdig, og alt gikk som det skulle ({$total_ms} ms)
demo-trust-stopped = {$node} stoppet før den var ferdig [{$code}]
demo-trust-table-what = endring
demo-trust-table-nodes = noder
demo-trust-table-half = 50 %
demo-trust-table-most = 95 %
demo-trust-table-nearly = 99 %
demo-trust-table-all = 100 %
demo-trust-table-begun = 99 % fra starten
demo-trust-table-admitted = ny etat
demo-trust-table-rotated = ny nøkkel
demo-trust-table-delisted = utestengt utsteder
demo-trust-table-revoked = tilbaketrukket bevis
demo-trust-table-bankrupt = konkurs

# --- ops ---
man-written = { $count } manualsider er skrevet: {$path}
config-default = ellers {$value}
config-must-be-given = må oppgis
serve-status = Klar. Tilkoblede noder: {$peers}. Tillitsliste {$version}.
serve-status-no-trust = Klar, men uten tillitsliste.
serve-stopping = Avslutter. Det som er i gang, blir gjort ferdig.
rights-closed = Bare du kan åpne dette nå: {$place}
backup-made = {"  "}Laget {$made}
backup-made-unknown = {"  "}Den sier ikke når den ble laget.
backup-contents = {"  "}Roller: {$roles}. Rader: {$rows}. Størrelse: {$mib} MiB.
    {"  "}Lager: {$store}
migrate-current = Hjemmemappen har dette programmets format ({$format}). Ingenting er endret.
migrate-planned = Hjemmemappen har format {$format}, og dette programmet skriver format {$supported}. Dette ville bli gjort, etter en forseglet kopi:
migrate-rewrite-journal = {"  "}Journalen skrives på nytt. Den må ha plass ved siden av den gamle.
migrate-done = Hjemmemappen har nå format {$supported}. Eldre versjoner av programmet kan ikke åpne den lenger.
    En forseglet kopi fra før ligger her: {$copy}
    Ta den bort når alt virker som det skal.
bugreport-written = Rapporten er skrevet: {$path}
    Den skal ikke nevne noen. Les den likevel før du sender den.
bugreport-left-out = Noe mangler, og rapporten sier hva. Med passordfrasen, eller mens noden kjører, får den med mer.
doctor-key-soon = Få dager igjen for nøkkelen
doctor-key-soon-remedy = Gjør det nå: lag en ny (bevis keys rotate), og send kortet til ankrene (bevis whoami --json). Uten den gjelder ingenting du signerer.
doctor-permissions = Hvem som kan åpne filene
doctor-permissions-remedy = Ta retten fra andre: bevis doctor --fix. Står det «uid», eier en annen bruker mappen: kjør som den brukeren.
doctor-backup = Dager siden sikkerhetskopi
doctor-backup-remedy = Ta en nå: bevis backup create FIL. Oppbevar den et annet sted.
doctor-ports = Porter som svarer
doctor-ports-remedy = Noden sier at den lytter der, men maskinen når den ikke. Se om brannmuren stenger for lokale forbindelser, og start noden på nytt.
doctor-peers = Tilkoblede på tillitslisten
doctor-peers-remedy = Se hvem som er tilkoblet: bevis node peers
doctor-sealed = Det som er forseglet
doctor-sealed-remedy = Oppgi passordfrasen, eller se om noden som kjører, svarer. Bare det som kan ses utenfra, er sjekket.
# --- ops2 ---
serve-admin = Helse og måltall: http://{$address}/readyz og /metrics.
admin-403 = En nettside på et annet sted får ikke spørre her.
admin-404 = Her finnes bare /livez, /readyz og /metrics.
admin-405 = Her kan du bare hente: GET eller HEAD.
admin-413 = Her tas det ikke imot noe innhold.
admin-421 = Spør med navnet localhost eller adressen 127.0.0.1.
admin-431 = Spørsmålet er for langt.
admin-503 = Noden er opptatt og svarte ikke i tide. Spør igjen om litt.
ready-internal = En rolle har stoppet etter en feil.
ready-internal-remedy = Start noden på nytt, og se i loggen.
ready-trust_missing = Noden har ingen tillitsliste.
ready-trust_missing-remedy = Hent den inn: `bevis trust import FIL`.
ready-trust_stale = Tillitslisten har gått ut. Ingenting kan avgjøres.
ready-trust_stale-remedy = Se om noden når andre: `bevis node peers`. Eller hent listen fra en fil: `bevis trust import FIL`.
ready-clock_suspect = Tillitslisten er signert senere enn det klokken her viser.
ready-clock_suspect-remedy = Still klokken, helst automatisk.
ready-status_stale = Statusen fra utstederen er for gammel til å avgjøre noe.
ready-status_stale-remedy = Se om noden når utstederen: `bevis node ping DID`.
ready-catching_up = Hjemmemappen er gjenopprettet. Noden venter på hodene til andre.
ready-catching_up-remedy = La den gå, og se at den når andre: `bevis node peers`.
ready-disk_full = Det er for lite plass på disken.
ready-disk_full-remedy = Gjør plass. Det som er lagret, er der fortsatt.
ready-disk_read_only = Disken kan ikke skrives til.
ready-disk_read_only-remedy = Se hvorfor den ble skrivebeskyttet, og monter den på nytt.
ready-unreachable = Noden er ikke med i nettverket.
ready-unreachable-remedy = Vent til den er klar. Se så adressene: `bevis node status`.
ready-not_listed = Tillitslisten har ikke denne noden.
ready-not_listed-remedy = Send kortet til dem som fører listen: `bevis --json whoami`.
ready-key_outside_window = Nøkkelen som signerer, har gått ut.
ready-key_outside_window-remedy = Lag den neste: `bevis keys rotate`. Send så det nye kortet.
ready-certificate_invalid = Noden har ikke noe sertifikat som gjelder.
ready-certificate_invalid-remedy = Lag et nytt: `bevis node certificate --renew`.
# --- people ---
problem-not_permitted = Denne kontoen har ikke lov til dette.
remedy-not_permitted = Spør driften om tilgang. Kontoer lages på kommandolinja: `bevis person add`.
problem-second_person_missing = Dette krever to ulike personer. Den som foreslo det, kan ikke også godkjenne det.
remedy-second_person_missing = La en annen med egen konto godkjenne: `--as BRUKERNAVN`.
ask-person-passphrase = Passordet til kontoen
ask-person-passphrase-again = Passordet en gang til
person-added = Kontoen er laget: { $handle }
person-removed = Kontoen er fjernet: { $handle }
person-passphrase-changed = Kontoen har fått nytt passord: { $handle }
person-gone = fjernet { $at }
person-none = Ingen kontoer ennå. Lag en: `bevis person add`.
record-empty = Ingenting er skrevet ennå.
record-more = Eldre linjer: `bevis record list --from { $next }`
record-whole = Loggen er hel: { $count } linjer. Den siste har { $hash }
record-broken = Loggen er brutt ved linje { $number }
record-exported = { $count } linjer skrevet til { $path }
bulk-proposed = Foreslått for { $count } bevis, { $rejected } linjer avvist. En annen må godkjenne før { $until }: { $bulk }
bulk-rejected = Avviste linjer: { $path }
bulk-progress = { $done } av { $total }
bulk-finished = Ferdig: { $count } bevis endret, { $passed } lot seg ikke endre. { $bulk }
bulk-paused = Stanset etter { $count } bevis. Fortsett med `bevis issuer bulk resume { $bulk }`
bulk-cancelled = Avlyst etter { $count } bevis: { $bulk }
import-paused = Importen er stanset. Kjør kommandoen på nytt for å fortsette: { $job }
key-proposed = Ny nøkkel foreslått av { $by }. En annen må godkjenne før { $until }: { $proposal }
key-cancelled = Forslaget om ny nøkkel er avlyst: { $proposal }
