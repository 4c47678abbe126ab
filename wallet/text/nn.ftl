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
at-least = { $name } får berre vite at det er minst så mykje. Kor mykje det er, står i «{ $type }» og blir ikkje vist.
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
spent-means = Kvar kopi blir vist til éi verksemd. Ein som er brukt, kan kjennast att av den som såg han før.
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

# --- ståande samtykke ---
title-grant = { $name } ber om samtykket ditt til å hente opplysningar fleire gonger
title-grant-company = { $name } ber om samtykket frå verksemda til å hente opplysningar fleire gonger
grant-title = { $name } kan hente dette frå { $issuer } utan å spørje deg kvar gong:
grant-title-company = { $name } kan hente dette frå { $issuer } utan å spørje verksemda kvar gong:
grant-claims = { $type }: { $labels }
grant-sensitive = Dette er særleg kjenslevart, og { $name } får hente det òg:
grant-sensitive-yes = Svarer du ja, samtykkjer du uttrykkeleg til det.
grant-uses = Høgst { $count } gonger om dagen.
grant-until = Samtykket sluttar: { $time }
grant-login = { $name } hentar det når du loggar inn, og slettar det når du loggar ut.
grant-case = { $name } hentar det medan saka går.
grant-business = { $name } hentar det for å gi oversikt over verksemda.
grant-erases = Når samtykket sluttar, slettar { $name } det som er henta.
grant-keeps = Det { $name } har henta, blir teke vare på så lenge som det står nedanfor, òg når samtykket er slutt.
grant-told = Du ser kvar bruk i denne lommeboka; { $issuer } fortel om han.
grant-withdraw = Du kan trekkje samtykket tilbake når som helst, her i lommeboka. Det gjeld med ein gong.
grant-shows = For at { $issuer } skal vite kven som samtykkjer, viser du { $issuer } dette éin gong:
writers = Etter eit ja kan { $names } skrive til denne lommeboka gjennom ei postkasse, også når ho er av.

# --- what is granted at an issuer ---
title-review = Du spør { $name } kva du har gitt samtykke til der
title-review-company = Verksemda spør { $name } kva ho har gitt samtykke til der
review-see = { $name } viser dei ståande samtykka til «{ $type }», også dei frå ei lommebok som er borte.
review-end = Dette samtykket blir trekt tilbake: { $asker }, som elles ville vart til { $time }.
review-told = Det gjeld så snart { $name } har ditt ja. { $name } seier frå til den som kunne hente.
refuse-review = Seier du nei, blir ingenting sendt til { $name }, og ingenting blir trekt tilbake.

# --- report to the supervisory authority ---
report-title = Melding til { $authority }
report-site = Nettstad: { $site }
report-asker = Ho gjeld: { $name } ({ $did })
report-service = Teneste: { $service }
report-happened = Det hende: { $time }
report-receipt = Vedlagt: kvitteringa som mottakaren har signert.
report-withdrawn = Vedlagt: tilbaketrekkinga av samtykket.
report-deletion = Vedlagt: kravet om sletting.
report-answer = Vedlagt: kva mottakaren seier er sletta, og kva som blir halde på.
report-unanswered = Kravet om sletting er ikkje svart på.
report-complaint = Det eg vil seie:
report-made = Laga i lommeboka: { $time }
