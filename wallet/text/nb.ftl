# Det en person leser før hun bestemmer seg. Samme nøkler i nb, nn og en.

# --- hvem og hvorfor ---
title-present = { $name } ber deg dele opplysninger fra lommeboken din
title-present-company = { $name } ber virksomheten dele opplysninger fra lommeboken
title-identify = { $name } ber deg vise hvem du er
title-identify-company = { $name } ber virksomheten vise hvem den er
title-authorise = { $name } ber deg vise hvem du er, for å åpne lommeboken til en virksomhet
asker = Hvem spør: { $name }, organisasjonsnummer { $number }
vouched = { $operator } går god for at det er { $name } som spør
service = Tjeneste: { $service }
purpose = Formål: { $purpose }
ground = Rettslig grunnlag: { $ground }
source-text = Kilden til opplysningene sier: «{ $text }»
privacy = Personvernerklæring: { $link }
privacy-missing = Pass på: { $name } har ikke oppgitt noen personvernerklæring.
collect = Du henter beviset «{ $type }» fra utstederen { $name }.
collect-company = Virksomheten henter beviset «{ $type }» fra utstederen { $name }.
collect-for = Beviset er for virksomheten med organisasjonsnummer { $organisation }, og legges i lommeboken til virksomheten.
collect-for-you = Beviset er ditt og legges i lommeboken din.
collect-for-you-company = Beviset er virksomhetens og legges i denne lommeboken.
words = Kontrollord: { $words }
words-compare = De samme ordene skal stå i lommeboken til virksomheten. Er de ulike, må du si nei.

# --- hva ---
share-title = Dette deler du:
share-title-company = Dette deler virksomheten:
credential = { $type }, utsteder { $issuer }
element = { $label } { $number }
claim = { $label }: { $value }
learned-title = Dette får { $name } vite som et utregnet svar:
at-least = { $name } får bare vite at det er minst så mye. Hvor mye det er, står i «{ $type }» og blir ikke vist.
sensitive-title = Disse opplysningene er særlig følsomme:
withheld = Dette deler du ikke: { $labels }.
withheld-company = Dette deler virksomheten ikke: { $labels }.
withheld-none = Du deler alt som står i bevisene over.
withheld-none-company = Virksomheten deler alt som står i bevisene over.
yes = ja
no = nei
empty = ikke oppgitt
and = og

# --- når det ikke går ---
cannot-title = Du kan ikke svare på dette nå:
cannot-title-company = Virksomheten kan ikke svare på dette nå:
lack-missing = Beviset «{ $type }» finnes ikke i lommeboken.
lack-unfitting = Beviset «{ $type }» mangler noe det blir spurt om.
lack-expired = Beviset «{ $type }» har gått ut.
lack-not-yet-valid = Beviset «{ $type }» gjelder ikke ennå.
lack-superseded = Beviset «{ $type }» er erstattet av et nyere.
lack-revoked = Beviset «{ $type }» er trukket tilbake av utstederen.
lack-suspended = Beviset «{ $type }» er satt på pause av utstederen.
lack-spent = Alle kopiene av beviset «{ $type }» er brukt.
spent-means = Hver kopi vises til én virksomhet. En som er brukt, kan kjennes igjen av den som så den før.
lack-void = Kopiene av beviset «{ $type }» teller som brukt, for lommeboken er hentet tilbake eller kopiert.
lack-other-person = Beviset «{ $type }» gjelder en annen person enn de andre bevisene.
asked = Det blir spurt om: { $labels }.
source-of = Du kan hente et nytt hos { $issuers }.
source-of-company = Virksomheten kan hente et nytt hos { $issuers }.
source-none = Tillitslisten har ingen utsteder av dette beviset.

# --- vilkår ---
once = Du deler én gang, og bare i denne saken.
once-company = Virksomheten deler én gang, og bare i denne saken.
keep-none = { $name } må slette opplysningene når økten er slutt.
keep = { $name } kan beholde opplysningene i { $time }.
keep-ground = Grunnlag for det: { $ground }
case = Saksreferanse: { $case }
expires = Svar før: { $time }
refuse = Sier du nei, får { $name } ikke vite hvorfor. Svaret ser likt ut som om du ikke har beviset.
refuse-company = Sier virksomheten nei, får { $name } ikke vite hvorfor. Svaret ser likt ut som om den ikke har beviset.
refuse-collecting = Sier du nei, sendes ingenting til { $name }, og beviset blir ikke hentet.
clock = kl.
year = år
years = år
day = dag
days = dager
hour = time
hours = timer

# --- stående samtykke ---
title-grant = { $name } ber om ditt samtykke til å hente opplysninger flere ganger
title-grant-company = { $name } ber om virksomhetens samtykke til å hente opplysninger flere ganger
grant-title = { $name } kan hente dette fra { $issuer } uten å spørre deg hver gang:
grant-title-company = { $name } kan hente dette fra { $issuer } uten å spørre virksomheten hver gang:
grant-claims = { $type }: { $labels }
grant-sensitive = Dette er særlig følsomt, og { $name } får hente det også:
grant-sensitive-yes = Svarer du ja, samtykker du uttrykkelig til det.
grant-uses = Høyst { $count } ganger om dagen.
grant-until = Samtykket slutter: { $time }
grant-login = { $name } henter det når du logger inn, og sletter det når du logger ut.
grant-case = { $name } henter det mens saken går.
grant-business = { $name } henter det for å gi oversikt over virksomheten.
grant-erases = Når samtykket slutter, sletter { $name } det som er hentet.
grant-keeps = Det { $name } har hentet, beholdes så lenge som det står nedenfor, også når samtykket er slutt.
grant-told = Du ser hver bruk i denne lommeboken; { $issuer } forteller om den.
grant-withdraw = Du kan trekke samtykket tilbake når som helst, her i lommeboken. Det gjelder med en gang.
grant-shows = For at { $issuer } skal vite hvem som samtykker, viser du { $issuer } dette én gang:
writers = Etter et ja kan { $names } skrive til denne lommeboken gjennom en postkasse, også når den er av.

# --- what is granted at an issuer ---
title-review = Du spør { $name } hva du har gitt samtykke til der
title-review-company = Virksomheten spør { $name } hva den har gitt samtykke til der
review-see = { $name } viser de stående samtykkene til «{ $type }», også dem fra en lommebok som er borte.
review-end = Dette samtykket trekkes tilbake: { $asker }, som ellers ville vart til { $time }.
review-told = Det gjelder så snart { $name } har ditt ja. { $name } sier fra til den som kunne hente.
refuse-review = Sier du nei, sendes ingenting til { $name }, og ingenting trekkes tilbake.

# --- report to the supervisory authority ---
report-title = Melding til { $authority }
report-site = Nettsted: { $site }
report-asker = Den gjelder: { $name } ({ $did })
report-service = Tjeneste: { $service }
report-happened = Det skjedde: { $time }
report-receipt = Vedlagt: kvitteringen som mottakeren har signert.
report-withdrawn = Vedlagt: tilbaketrekkingen av samtykket.
report-deletion = Vedlagt: kravet om sletting.
report-answer = Vedlagt: hva mottakeren sier er slettet, og hva som beholdes.
report-unanswered = Kravet om sletting er ikke besvart.
report-complaint = Det jeg vil si:
report-made = Laget i lommeboken: { $time }
