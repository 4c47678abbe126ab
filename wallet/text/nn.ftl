# Det ein person les før ho bestemmer seg. Same nøklar i nb, nn og en.

# --- kven og kvifor ---
title-present = { $name } ber deg dele opplysningar frå lommeboka di
title-present-company = { $name } ber verksemda dele opplysningar frå lommeboka
title-identify = { $name } ber deg vise kven du er
title-identify-company = { $name } ber verksemda vise kven ho er
title-authorise = { $name } ber deg vise kven du er, for å opne lommeboka til ei verksemd
asker = Kven spør: { $name }, organisasjonsnummer { $number }
vouched = { $operator } går god for at det er { $name } som spør
service = Teneste: { $service }
purpose = Formål: { $purpose }
ground = Rettsleg grunnlag: { $ground }
source-text = Kjelda til opplysningane seier: «{ $text }»
privacy = Personvernerklæring: { $link }
privacy-missing = Pass på: { $name } har ikkje oppgitt noka personvernerklæring.
collect = Du hentar beviset «{ $type }» frå utstedaren { $name }.
collect-company = Verksemda hentar beviset «{ $type }» frå utstedaren { $name }.
collect-for = Beviset er for verksemda med organisasjonsnummer { $organisation }, og blir lagt i lommeboka til verksemda.
collect-for-you = Beviset er ditt og blir lagt i lommeboka di.
collect-for-you-company = Beviset høyrer verksemda til og blir lagt i denne lommeboka.
words = Kontrollord: { $words }
words-compare = Dei same orda skal stå i lommeboka til verksemda. Er dei ulike, må du seie nei.

# --- kva ---
share-title = Dette deler du:
share-title-company = Dette deler verksemda:
credential = { $type }, utstedar { $issuer }
element = { $label } { $number }
claim = { $label }: { $value }
learned-title = Dette får { $name } vite som eit utrekna svar:
sensitive-title = Desse opplysningane er særleg følsame:
withheld = Dette deler du ikkje: { $labels }.
withheld-company = Dette deler verksemda ikkje: { $labels }.
withheld-none = Du deler alt som står i bevisa over.
withheld-none-company = Verksemda deler alt som står i bevisa over.
yes = ja
no = nei
empty = ikkje oppgitt
and = og

# --- når det ikkje går ---
cannot-title = Du kan ikkje svare på dette no:
cannot-title-company = Verksemda kan ikkje svare på dette no:
lack-missing = Beviset «{ $type }» finst ikkje i lommeboka.
lack-unfitting = Beviset «{ $type }» manglar noko det blir spurt om.
lack-expired = Beviset «{ $type }» har gått ut.
lack-not-yet-valid = Beviset «{ $type }» gjeld ikkje enno.
lack-superseded = Beviset «{ $type }» er erstatta av eit nyare.
lack-revoked = Beviset «{ $type }» er trekt tilbake av utstedaren.
lack-suspended = Beviset «{ $type }» er sett på pause av utstedaren.
lack-spent = Alle kopiane av beviset «{ $type }» er brukte.
lack-void = Kopiane av beviset «{ $type }» tel som brukte, for lommeboka er henta tilbake eller kopiert.
lack-other-person = Beviset «{ $type }» gjeld ein annan person enn dei andre bevisa.
asked = Det blir spurt om: { $labels }.
source-of = Du kan hente eit nytt hos { $issuers }.
source-of-company = Verksemda kan hente eit nytt hos { $issuers }.
source-none = Tillitslista har ingen utstedar av dette beviset.

# --- vilkår ---
once = Du deler éin gong, og berre i denne saka.
once-company = Verksemda deler éin gong, og berre i denne saka.
keep-none = { $name } må slette opplysningane når økta er slutt.
keep = { $name } kan behalde opplysningane i { $time }.
keep-ground = Grunnlag for det: { $ground }
case = Saksreferanse: { $case }
expires = Svar før: { $time }
refuse = Seier du nei, får { $name } ikkje vite kvifor. Svaret ser likt ut som om du ikkje har beviset.
refuse-company = Seier verksemda nei, får { $name } ikkje vite kvifor. Svaret ser likt ut som om ho ikkje har beviset.
refuse-collecting = Seier du nei, blir ingenting sendt til { $name }, og beviset blir ikkje henta.
clock = kl.
year = år
years = år
day = dag
days = dagar
hour = time
hours = timar
