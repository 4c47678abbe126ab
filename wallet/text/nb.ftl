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
