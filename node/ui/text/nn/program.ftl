# Ramma kring feil, og ordet som tyder ja.
error = Feil
cause = Årsak
remedy = Gjer dette
yes = ja
clock = kl.

# Kva som var for mykje i ein førespurnad.
too-much = For mykje
too-much-type = beviset «{$type}», som ikkje høyrer til {$service}
too-much-claim = opplysninga «{$claim}»
too-much-service = heile tenesta «{$service}», som den som spør ikkje er registrert for
too-much-time = fristen for å svare er lengre enn tenesta tillèt
too-much-purpose = føremålet er eit anna enn det tenesta har
too-much-ground = det rettslege grunnlaget er eit anna enn det tenesta har
too-much-keep = opplysningane blir lagra lenger enn tenesta tillèt
too-much-status = sjekken av om beviset er trekt tilbake, får vere eldre enn tenesta tillèt
too-much-rung = ei grense til i den same saka
too-much-grant = eit ståande samtykke, som tenesta ikkje er registrert for
too-much-grant-days = samtykket varer lenger enn tenesta tillèt; `--days` kan vere høgst {$days}
too-much-grant-until = samtykket varer lenger enn tenesta tillèt
too-much-grant-uses = fleire hentingar om dagen enn tenesta tillèt
too-much-grant-uses-most = fleire hentingar om dagen enn tenesta tillèt; `--uses` kan vere høgst {$uses}
too-much-uses-today = fleire hentingar i dag enn samtykket gir rett til

# Kvifor noko vart nekta, og kva du kan gjere.
problem-wrong_subject = Opplysningane gjeld ein annan enn den saka er om.
remedy-wrong_subject = Sjekk fødselsnummeret eller organisasjonsnummeret i saka, og spør på nytt.
problem-wrong_recipient = Meldinga er til nokon andre.
remedy-wrong_recipient = Opne henne i lommeboka eller noden ho er meint for.
problem-wrong_session = Lommeboka som er open, høyrer til ein annan enn den førespurnaden gjeld.
remedy-wrong_session = Opne lommeboka til den som blir spurd. Vel henne med `--home`.
problem-not_yet_valid = Beviset gjeld ikkje enno.
remedy-not_yet_valid = Vent til startdatoen, eller bruk eit anna bevis. Sjekk òg at klokka på maskina går rett.
problem-expired = Tida har gått ut.
remedy-expired = Hent eit nytt bevis, eller be om ein ny førespurnad: `bevis wallet receive LENKE`.
problem-over_ask = {$detail ->
    [rung] Den som spør, har alt fått svar på éi grense i denne saka, og får ikkje svar på ei til.
   *[other] Den som spør, ber om meir enn han er registrert for.
    }
remedy-over_ask = {$detail ->
    [rung] Ikkje del. Ei grense til seier meir om kva du tener enn den som spør får vite i éi sak.
   *[other] Ikkje del. Er det du som spør: Be berre om det tenesta er registrert for, sjå `bevis trust show`.
    }
problem-no_legal_ground = Det rettslege grunnlaget gjeld ikkje for denne tenesta.
remedy-no_legal_ground = Ikkje del. Er det du som spør: Bruk grunnlaget som står i registreringa.
problem-revoked = Beviset er trekt tilbake av utstedaren.
remedy-revoked = Spør utstedaren kvifor. Har du rett på eit nytt, hentar du det med `bevis wallet receive LENKE`.
problem-suspended = Beviset er sett på pause av utstedaren.
remedy-suspended = Spør utstedaren. Beviset kan bli gyldig att.
problem-superseded = Eit nyare bevis har teke over for dette.
remedy-superseded = Hent det nye beviset: `bevis wallet receive LENKE`.
problem-terminated_pending = Det er sagt opp, men gjeld til oppseiingstida er ute.
remedy-terminated_pending = Sjå på sluttdatoen, og finn ein ny avtale før den.
problem-role_missing = Personen har ikkje ei rolle i registeret som gjev rett til dette.
remedy-role_missing = Be dagleg leiar gjere det, eller få rolla registrert i Brønnøysundregistra.
problem-shielded = Opplysningane er skjerma og blir ikkje gjevne ut.
remedy-shielded = Ta kontakt med utstedaren på ein annan måte.
problem-trace_unavailable = Innsynsloggen kunne ikkje skrivast. Difor blir ingenting gjeve ut.
remedy-trace_unavailable = Prøv att seinare. Driv du noden, sjekkar du disken med `bevis doctor`.
problem-withdrawn = Samtykket er trekt tilbake.
remedy-withdrawn = Be personen om eit nytt samtykke dersom det framleis trengst.
problem-not_paired = Lommeboka til kunden har ikkje sagt kor ein kan skrive til ho.
remedy-not_paired = Spør kunden med ei lenkje, med --pair; etter eit ja kan førespurnader leggjast i postkassa.
problem-unknown_grant = Det finst ikkje noko slikt samtykke her.
remedy-unknown_grant = Sjå kva du har gitt: `bevis wallet grants`. Er det du som spør? Sjekk kva kjelde det vart gitt til, og be personen om eit nytt.
problem-not_licensed = Verksemda manglar den registreringa ho treng.
remedy-not_licensed = Få registreringa på plass, og prøv att.
problem-replay = Svaret er brukt før og kan ikkje brukast ein gong til.
remedy-replay = Be om ein ny førespurnad, og svar på den.
problem-stale = Opplysningane er for gamle.
remedy-stale = Hent eit ferskt bevis hos utstedaren, og prøv att.
problem-malformed = Innhaldet har ikkje rett form.
remedy-malformed = Be avsendaren lage det på nytt, og sjekk at heile teksten kom med.
problem-too_large = Innhaldet er for stort.
remedy-too_large = Del det opp, eller send mindre.
problem-duplicate_key = Det same feltet står to gonger.
remedy-duplicate_key = Fjern det eine feltet, eller be avsendaren lage teksten på nytt.
problem-unsupported = Denne versjonen av programmet kjenner ikkje formatet.
remedy-unsupported = Oppdater programmet. Sjekk versjonen med `bevis --version`.
problem-unknown_issuer = Utstedaren står ikkje på tillitslista.
remedy-unknown_issuer = Ikkje stol på beviset. Er lista di gammal, hentar du ei ny: `bevis trust import FIL`.
problem-type_not_allowed = Utstedaren har ikkje lov til å utstede slike bevis.
remedy-type_not_allowed = Ingen skal stole på eit slikt bevis. Sjå kven som kan utstede det: `bevis trust show`.
problem-unknown_type = Denne typen bevis er ikkje kjend her.
remedy-unknown_type = Sjå kva typar som finst: `bevis issuer types`.
problem-unknown_key = Nøkkelen høyrer ikkje til verksemda som er oppgjeven.
remedy-unknown_key = Ikkje stol på innhaldet. Hent ny tillitsliste om verksemda nettopp har bytt nøkkel.
problem-key_outside_window = Nøkkelen var ikkje gyldig då det vart signert.
remedy-key_outside_window = Ikkje stol på innhaldet. Be utstedaren om eit nytt bevis.
problem-key_compromised = Nøkkelen kan vere på avvegar og gjeld ikkje lenger.
remedy-key_compromised = Ikkje stol på innhaldet. Be utstedaren om eit nytt bevis.
problem-signature_invalid = Signaturen stemmer ikkje. Innhaldet kan vere endra.
remedy-signature_invalid = Ikkje stol på innhaldet. Be om det på nytt frå den som laga det.
problem-disclosure_invalid = Ei opplysning i beviset er endra eller høyrer ikkje til.
remedy-disclosure_invalid = Ikkje stol på svaret. Be om eit nytt.
problem-schema_invalid = Opplysningane følgjer ikkje reglane for denne typen bevis.
remedy-schema_invalid = Rett feltet som er nemnt, eller sei frå til utstedaren.
problem-holder_binding_missing = Svaret viser ikkje at beviset høyrer til den som deler det.
remedy-holder_binding_missing = Be om eit nytt svar rett frå lommeboka.
problem-holder_binding_invalid = Beviset høyrer til ei anna lommebok enn den som svara.
remedy-holder_binding_invalid = Ikkje stol på svaret. Beviset kan vere kopiert frå nokon andre.
problem-wrong_audience = Svaret var laga for ein annan mottakar.
remedy-wrong_audience = Be om eit nytt svar på din eigen førespurnad.
problem-wrong_nonce = Svaret høyrer til ein annan førespurnad.
remedy-wrong_nonce = Send ein ny førespurnad, og be om svar på den.
problem-wrong_sd_hash = Svaret dekkjer ikkje nøyaktig det som vart sendt.
remedy-wrong_sd_hash = Ikkje stol på svaret. Be om eit nytt.
problem-wrong_request = Svaret er på ein annan førespurnad.
remedy-wrong_request = Svar på den førespurnaden som ventar: `bevis wallet requests`.
problem-different_persons = Bevisa i svaret gjeld ulike personar.
remedy-different_persons = Del berre bevis som gjeld den same personen.
problem-claims_missing = Svaret manglar noko det vart spurt om.
remedy-claims_missing = Hent beviset som manglar, og svar på nytt.
problem-claims_unrequested = Svaret viser noko det ikkje vart spurt om.
remedy-claims_unrequested = Del berre det førespurnaden gjeld.
problem-unsigned_request = Førespurnaden er ikkje signert. Ingen veit kven som spør.
remedy-unsigned_request = Ikkje svar. Be om ein ny førespurnad frå nokon du kjenner.
problem-unknown_verifier = Den som spør, står ikkje på tillitslista.
remedy-unknown_verifier = Ikkje svar. Er lista di gammal, hentar du ei ny: `bevis trust import FIL`.
problem-wrong_origin = Førespurnaden kom frå ein annan enn den som har signert.
remedy-wrong_origin = Ikkje svar. Be om ein ny førespurnad direkte frå verksemda.
problem-unsupported_query = Spørsmålet er stilt på ein måte vi ikkje støttar.
remedy-unsupported_query = Still spørsmålet enklare. Sjå kva `bevis verifier request --help` tilbyr.
problem-not_presented = Ingenting vart delt.
remedy-not_presented = Opplysningane kan bli gitt på ein annan måte.
problem-copies_spent = Alle kopiane av beviset er brukte.
remedy-copies_spent = Hent nye kopiar hos utstedaren: `bevis wallet receive LENKE`.
problem-copies_void = Kopiane av beviset tel som brukte, for lommeboka er henta tilbake eller kopiert.
remedy-copies_void = Hent nye kopiar hos utstedaren: `bevis wallet receive LENKE`.
problem-unknown_session = Førespurnaden finst ikkje, eller han er avslutta.
remedy-unknown_session = Sjå kva som er ope: `bevis wallet requests` eller `bevis verifier sessions`.
problem-unknown_offer = Tilbodet finst ikkje hos utstedaren.
remedy-unknown_offer = Be utstedaren om eit nytt tilbod.
problem-offer_closed = Tilbodet er brukt eller trekt tilbake.
remedy-offer_closed = Sjå om beviset alt ligg i lommeboka: `bevis wallet list`. Elles ber du om eit nytt tilbod.
problem-wrong_code = Aktiveringskoden er feil.
remedy-wrong_code = Les koden ein gong til, og prøv på nytt. Etter nokre forsøk blir tilbodet stengt.
problem-attempts_exhausted = Koden er skriven feil for mange gonger. Tilbodet er stengt.
remedy-attempts_exhausted = Be utstedaren om eit nytt tilbod med ny kode.
problem-possession_invalid = Lommeboka viste ikkje at ho har nøkkelen sin.
remedy-possession_invalid = Prøv att frå lommeboka som skal ha beviset.
problem-keys_not_covered = Legitimeringa gjeld ikkje for denne lommeboka.
remedy-keys_not_covered = Start på nytt, og samanlikn kontrollorda på dei to skjermane.
problem-keys_changed = Det vart bede om å sende beviset til ei anna lommebok enn første gongen.
remedy-keys_changed = Bruk den første lommeboka, eller be utstedaren om eit nytt tilbod.
problem-no_data = Registeret har ingen opplysningar om personen eller verksemda.
remedy-no_data = Spør utstedaren om opplysningane skulle vore der.
problem-wrong_wallet = Dette er feil slags lommebok: personleg i staden for verksemda si, eller omvendt.
remedy-wrong_wallet = Opne den andre lommeboka. Vel henne med `--home`.
problem-trust_missing = Det finst inga tillitsliste her enno.
remedy-trust_missing = Hent lista: `bevis trust import FIL`.
problem-anchor_missing = Noden kjenner inga rot å gå ut frå.
remedy-anchor_missing = Legg til `--root` med fingeravtrykket av den første rota. Samanlikn det med det som er kunngjort.
problem-trust_stale = Tillitslista er for gammal.
remedy-trust_stale = Hent ei ny: `bevis trust import FIL`.
problem-trust_rollback = Tillitslista er eldre enn den du har frå før.
remedy-trust_rollback = Be om den nyaste lista. Sjå versjonen din med `bevis trust show`.
problem-trust_mismatch = Delane av tillitslista høyrer ikkje saman.
remedy-trust_mismatch = Hent heile samlinga på nytt, helst frå ein annan. Sjå kva du har med `bevis trust show`.
problem-trust_threshold = For få har signert tillitslista.
remedy-trust_threshold = La fleire anker signere, frå minst to slag verksemder. `bevis trust verify FIL` viser kven som manglar.
problem-trust_conflict = Det finst to ulike tillitslister med same nummer.
remedy-trust_conflict = Stol ikkje på nokon av dei før ankera har svart. Begge er tekne vare på som bevis; sjå `bevis doctor`.
problem-status_missing = Vi veit ikkje om beviset er trekt tilbake. Statuslista manglar.
remedy-status_missing = Vent til noden har henta lista, og prøv att. Sjå `bevis node status`.
problem-status_stale = Statuslista er for gammal til å seie om beviset gjeld.
remedy-status_stale = Vent til noden har henta ei ny liste, og prøv att. Sjå `bevis doctor`.
problem-catching_up = {$detail ->
    [grant] Kjelda vart gjenoppretta. Ho ventar til lommeboka til personen har spurt om dette samtykket.
    [mailbox] Kjelda når ikkje postkassa, der ei tilbaketrekking kan liggje. Ho gir ingenting ut før det.
   *[other] Heimen vart gjenoppretta og hentar framleis tillitslista frå andre verksemder.
    }
remedy-catching_up = {$detail ->
    [grant] Prøv att seinare. Lommeboka spør av seg sjølv når ho er på; `bevis wallet grants --ask` spør med ein gong.
    [mailbox] Prøv att om litt. Hos kjelda: sjå med `bevis node ping` om den som har postkassa, svarer.
   *[other] La noden stå på og vere på nett. `bevis doctor` viser kor mange verksemder som har svart. Heimen til eit anker utan node tek den nyaste pakken med `bevis trust import`.
    }
problem-status_conflict = Ein utstedar har signert to ting om same statusliste som ikkje begge kan stemme.
remedy-status_conflict = Meld frå til utstedaren. `bevis doctor` nemner han ved namn; det som sist stemte, blir brukt til det er for gammalt.
problem-second_key_missing = Varselet er ikkje signert med to ulike nøklar frå registeret.
remedy-second_key_missing = Stol ikkje på det. La den som har den andre nøkkelen, signere: `bevis issuer notice sign FIL`.
problem-notice_conflict = To signerte varsel frå same register seier imot kvarandre. Ingen fleire varsel derifrå verkar før nokon har avgjort kva for eit som er rett.
remedy-notice_conflict = Ring registeret. Begge er tekne vare på som bevis; sjå `bevis verifier notices list`.
problem-notice_gap = Eit tidlegare varsel manglar. Dei som kom etter, ventar på det.
remedy-notice_gap = Noden hentar det sjølv. Varer det, sjå `bevis verifier notices list`.
problem-notice_invalid = Varselet passar ikkje til det som er kunngjort før det.
remedy-notice_invalid = Rett feltet som er nemnt. Eit varsel som slettar eller opphevar, må vise til opninga av same skyldnar.
problem-draft_open = Eit anna utkast til varsel er ikkje ferdig.
remedy-draft_open = Kunngjer det eller forkast det først; sjå `bevis issuer notice list`.
problem-number_unsettled = Heimen er attoppretta, og det er ikkje kjent kva for eit varsel som blei kunngjort sist.
remedy-number_unsettled = Vent til noden har spurt to andre verksemder. Då kan du prøve att.
problem-evaluation_invalid = Svaret er ikkje rekna ut med nøkkelen som registeret har kunngjort.
remedy-evaluation_invalid = Bruk det ikkje. Noden prøver att. Varer det, ring registeret.
problem-not_listed = Tillitslista knyter ikkje denne noden til verksemda.
remedy-not_listed = Be den som driv lista, om å ta noden med. Kortet får du med `bevis whoami --json`.
problem-certificate_invalid = Sertifikatet til noden er ikkje gyldig.
remedy-certificate_invalid = Be verksemda lage eit nytt: `bevis node certificate --renew`.
problem-certificate_superseded = Sertifikatet til noden er erstatta av eit nyare.
remedy-certificate_superseded = La noden bruke det nyaste. Har han vore kopiert, lag eit nytt: `bevis node certificate --renew`.
problem-clock_suspect = Klokka på denne maskina stemmer ikkje med klokkene til andre.
remedy-clock_suspect = Still klokka, helst automatisk, og prøv att. `bevis doctor` viser kven ho ikkje stemmer med.
problem-unexpected_message = Meldinga passa ikkje inn i samtalen.
remedy-unexpected_message = Start på nytt. Skjer det att, oppdaterer du programmet på begge sider.
problem-rate_limited = {$detail ->
    [login] Det var for mange feil forsøk. Ingen nye forsøk blir tekne imot akkurat no.
   *[other] Det kom for mange meldingar på kort tid.
    }
remedy-rate_limited = {$detail ->
    [login] Vent eit minutt, og prøv igjen. Ventetida doblar seg for kvart feil forsøk, til høgst ein time.
   *[other] Vent litt, og prøv att.
    }
problem-unreachable = Vi fekk ikkje svar i tide.
remedy-unreachable = Sjekk nettet, og prøv att. `bevis node ping` viser om den andre svarer.
problem-mailbox_full = Det er ikkje plass til meir i postkassa.
remedy-mailbox_full = Prøv att seinare. Meldinga blir teken vare på her til ho kan leverast.
problem-link_invalid = Lenkja eller QR-koden er kutta eller endra.
remedy-link_invalid = Kopier heile lenkja på nytt, frå `bevis:` til slutten.
problem-link_spent = Innloggingslenkja er brukt eller for gammal.
remedy-link_spent = Lag ei ny lenkje med `bevis login`.
problem-login_needed = Du må logge inn for å sjå dette.
remedy-login_needed = Opne ei ny lenkje frå `bevis login`, eller lås opp sida.
problem-no_access = Kontoen din har ikkje tilgang til denne delen.
remedy-no_access = Be den som styrer kontoane om tilgang.
problem-page_expired = Sida er for gammal. Ingenting vart gjort.
remedy-page_expired = Opne sida på nytt, og prøv igjen.
problem-foreign_origin = Førespurnaden kom frå ein annan nettstad. Ingenting vart gjort.
remedy-foreign_origin = Opne sida direkte, frå lenkja som `bevis login` viser.
problem-under_way = Dette er alt i gang.
remedy-under_way = Vent litt, og last sida på nytt.
problem-token_invalid = Nøkkelen til API-et manglar, er ukjend eller er gått ut på tid.
remedy-token_invalid = Lag ein ny: bevis api token add. Send han i hovudet Authorization: Bearer.
problem-idempotency_conflict = Denne idempotensnøkkelen er brukt til noko anna.
remedy-idempotency_conflict = Bruk ein ny nøkkel for ein ny førespurnad, eller send nøyaktig det same på nytt.
problem-usage = Kommandoen vart ikkje forstått.
remedy-usage = Sjå korleis han skal skrivast: legg til `--help`.
problem-wrong_passphrase = {$detail ->
    [person] Brukarnamnet eller passordet er feil.
   *[other] Passordet er feil.
    }
remedy-wrong_passphrase = {$detail ->
    [person] Prøv igjen. Har du gløymt passordet, kan drifta gi deg eit nytt: `bevis person passphrase BRUKARNAMN`.
   *[other] Prøv att. Utan passordet kan ingen opne innhaldet.
    }
problem-passphrase_missing = Det trengst eit passord, og ingen gav det.
remedy-passphrase_missing = Skriv det når du blir spurd, eller bruk `--passphrase-file FIL`.
problem-home_locked = Eit anna program bruker denne heimemappa.
remedy-home_locked = Bruk kommandoane som dei er; dei når programmet som køyrer. Elles stoppar du det først.
problem-home_missing = Det finst inga heimemappe her.
remedy-home_missing = Lag ei: `bevis init --role wallet`. Eller vel ei anna med `--home`.
problem-home_exists = Det ligg noko her frå før. Ingenting er endra.
remedy-home_exists = Vel ein annan stad. Heimemappa vel du med `--home`.
problem-newer_format = Heimemappa er skriven av ein nyare versjon av programmet.
remedy-newer_format = Oppdater programmet. Sjekk versjonen med `bevis --version`.
problem-config_invalid = Noko i innstillingane er ikkje gyldig.
remedy-config_invalid = Rett det som er nemnt, og sjekk med `bevis config check`.
problem-damaged = {$detail ->
    [erasure-keys] Fila med nøklane som kan slettast, manglar, er skadd eller er ein gammal kopi.
   *[other] Lagra data er skadde.
    }
remedy-damaged = {$detail ->
    [erasure-keys] Legg den nyaste `erasure-keys` tilbake der ho låg, ved sida av det ho opnar. Er ho tapt? Hent inn siste tryggingskopi: `bevis backup restore FIL --set-aside`.
   *[other] Hent inn siste tryggingskopi i staden: `bevis backup restore FIL --set-aside`. Dei skadde dataa blir tekne vare på ved sida av.
    }
problem-file_failed = Ei fil kunne ikkje lesast eller skrivast.
remedy-file_failed = Sjekk at fila finst, at du har tilgang, og at disken har plass.
problem-disk_full = Det er ikkje plass på disken.
remedy-disk_full = Frigjer plass, og prøv att. Det som alt er lagra, er der framleis.
problem-disk_read_only = Disken kan berre lesast, ikkje skrivast til.
remedy-disk_read_only = Gjer disken skrivbar, og prøv att. Det som alt er lagra, er der framleis.
problem-not_found = {$detail ->
    [entry] Historikken har inga slik linje, eller linja gjeld ikkje noko som vart delt.
   *[other] Vi fann ingenting med dette namnet.
    }
remedy-not_found = {$detail ->
    [entry] Sjå linjene med numra sine: `bevis wallet history`.
   *[other] Sjå kva som finst: `bevis wallet list` eller `bevis verifier sessions`.
    }
problem-wrong_role = Denne noden har ikkje rolla som kommandoen treng.
remedy-wrong_role = Sjå rollene med `bevis whoami`, eller vel ei anna mappe med `--home`.
problem-partly_done = Nokre rader vart avviste. Resten er gjort.
remedy-partly_done = Rett radene i fila med avviste rader, og importer på nytt.
problem-not_confirmed = Du har ikkje stadfesta. Ingenting er gjort.
remedy-not_confirmed = Køyr kommandoen att, og skriv ja når du blir spurd. Utan tastatur bruker du `--yes`.
problem-state_final = {$detail ->
    [bulk] Masseendringa er ferdig eller avlyst.
    [import] Importen er ferdig eller avbroten.
   *[other] Statusen kan ikkje endrast slik. Det som er trekt tilbake, blir verande det.
    }
remedy-state_final = {$detail ->
    [bulk] Foreslå ei ny: `bevis issuer bulk propose`. Sjå kva som blei gjort: `bevis issuer bulk list`.
    [import] Sjå kva han gjorde: `bevis issuer jobs`. Ta inn fila på nytt om noko manglar.
   *[other] Utsted eit nytt bevis i staden: `bevis issuer offer --type TYPE`.
    }
problem-internal = Noko gjekk gale hos oss.
remedy-internal = Prøv att. Skjer det på nytt, sjekkar du med `bevis doctor` og ser i loggen.

# Det som blir sjekka i eit svar.
check-trust = tillitslista er på plass og ny nok
check-form = beviset er heilt og har rett form
check-issuer = utstedaren står på tillitslista
check-type = utstedaren har lov til å utstede denne typen
check-key = nøkkelen er utstedaren sin og var gyldig
check-signature = signaturen til utstedaren stemmer
check-validity = beviset gjeld no
check-schema = opplysningane følgjer reglane for typen
check-status = beviset er ikkje trekt tilbake
check-holder_binding = beviset høyrer til lommeboka som svara
check-audience = svaret er til oss
check-nonce = svaret høyrer til denne førespurnaden
check-freshness = svaret er ferskt
check-sd_hash = svaret dekkjer nøyaktig det som vart sendt
check-request = det er vår førespurnad som er svara på
check-query = alt vi spurde om er med, og ikkje noko meir
check-same_person = alle bevisa gjeld same person
check-subject = personen er kunden i saka

# Dom, økt, bevis i lommeboka og historikk.
verdict-valid = gyldig
verdict-invalid = ikkje gyldig
verdict-undecided = kunne ikkje avgjerast
session-active = ventar på at kunden opnar
session-fetched = opna av kunden, ventar på svar
session-completed = ferdig
session-expired = fristen gjekk ut
session-failed = avslutta utan at noko vart delt
held-valid = gyldig
held-expires_soon = går snart ut
held-expired = gått ut
held-revoked = trekt tilbake
held-suspended = sett på pause
held-superseded = erstatta av eit nyare
held-used_up = alle kopiar er brukte
held-copies_void = kopiane tel som brukte, hent nye
held-unknown = status ukjend akkurat no
event-collected = Du henta eit bevis
event-shared = Du delte opplysningar
event-identified = Du viste kven du er
event-authorised = Du opna lommeboka til ei verksemd
event-refused = Du sa nei
event-failed = Det gjekk ikkje
event-status_changed = Utstedaren endra statusen til eit bevis
event-deleted = Du sletta eit bevis
event-copies_void = Kopiane av eit bevis tel som brukte, for lommeboka er henta tilbake eller kopiert
event-renewed = Det finst eit nyare bevis å hente
event-granted = Du gav eit ståande samtykke
event-used = Eit ståande samtykke vart brukt
event-withdrawn = Du trekte eit ståande samtykke tilbake
event-grant_expired = Eit ståande samtykke er gått ut
event-reminded = Eit ståande samtykke gjeld framleis
event-deletion_requested = Du bad om sletting
event-deletion_answered = Mottakaren svarte på kravet om sletting
event-reported = Du laga ei melding til tilsynsstyresmakta
event-reviewed = Du viste kven du er, for å sjå kva du har gitt samtykke til

# Lommebok.
outcome-waiting = Du har ein førespurnad som ventar på svar.
    Les han og svar ja: bevis wallet present {$id}
    Svar nei: bevis wallet refuse {$id}
outcome-collected = Beviset ligg i lommeboka. Sjå det: bevis wallet show {$id}
outcome-shared = Du har delt opplysningane. Mottakaren seier: {$verdict}.
outcome-refused = Du sa nei. Ingenting er delt.
outcome-carry = Ta teksten under med til den andre lommeboka, og opne han der: bevis wallet receive -
    Kontrollord: {$words}
    Dei same orda skal stå på den andre skjermen. Er dei ulike, må du stoppe.
present-confirm = Vil du dele dette? Skriv ja for å dele. Alt anna er nei.
delete-consequence = Beviset blir borte frå lommeboka. Det kan ikkje angrast, men du kan be utstedaren om eit nytt.
delete-confirm = Vil du slette beviset? Skriv ja for å slette. Alt anna er nei.
deleted = Beviset er sletta.
exported = Alt som er ditt, ligg i {$path}. Fila er ikkje låst, så pass på henne.
ask-code = Aktiveringskode
wallet-empty = Lommeboka er tom. Hent eit bevis: bevis wallet receive LENKJE
requests-empty = Ingenting ventar på svar frå deg.
request-state-waiting = ventar på svar frå deg
request-state-answered = svara på, på veg til mottakaren
request-state-refused = du sa nei, og det blir sagt frå seinare
history-empty = Ingenting har hendt i lommeboka enno.
grants-empty = Du har ikkje gitt noko ståande samtykke.
grant-state-under_way = under vegs
grant-state-active = gjeld
grant-state-withdrawn = trekt tilbake
grant-state-expired = gått ut
grant-given = Samtykket gjeld til { $until }.
grant-given-withdrawn = Samtykket vart trekt tilbake { $ended }.
grant-given-expired = Samtykket gjekk ut { $ended }.
grant-deletion = Kunden har bede om sletting.
grant-logout = Det som vart henta for innlogginga, er sletta.
grant-use =   { $number }. henta { $time }
grant-withdrawn = Samtykket er trekt tilbake. Det gjeld frå no av.
grant-acknowledged =   { $name } har stadfesta det.
grant-to-be-told =   { $name } er ikkje å nå no, og får beskjed så snart det går.
outcome-granted = Du har gitt samtykket. Sjå det og trekk det tilbake: bevis wallet grants
outcome-posted = Den andre sida er av. Det ligg i postkassa og gjeld når det blir henta.
post-relation = { $name }: postkasser hos { $operators }; meldingar undervegs: { $count }.
letters-new = Nye meldingar: { $count }.
letters-unanswered = { $name } kunne ikkje spørjast om meldingar akkurat no.
outcome-erased = Mottakaren har svart:
said-erased = {"  "}Sletta { $at }: { $what }
said-erased-often = {"  "}Sletta { $at }: { $what }, henta { $count } gonger
said-erased-nothing = {"  "}Ingenting er sletta.
said-kept = {"  "}Blir teke vare på til { $until }: { $what }. Grunnlag: { $ground }
said-claims = opplysningane
said-session = førespurnaden og kvitteringa, utan opplysningane
said-consent = at samtykket vart gitt og brukt, utan opplysningane
ground-accountability = plikta til å kunne vise at reglane er følgde (personvernforordninga artikkel 5 nr. 2)
ground-consent_record = plikta til å kunne vise at samtykket vart gitt (personvernforordninga artikkel 7 nr. 1)
grants-none-there = Du har ikkje gitt samtykke til denne typen der.
reported = Meldinga er signert: { $path }. Det ho seier, for menneske: { $text }
grant-reminder = { $asker } kan framleis hente frå { $issuer }, til { $until }. Henta { $uses } gonger. Trekk det tilbake: bevis wallet withdraw { $id }
outcome-told = Nye bruk: { $count }.

# Heimemappe, passord, tryggingskopi og innstillingar.
ask-passphrase = Passord
ask-passphrase-again = Passord ein gong til
init-done = Heimemappa er klar: {$home}
    Ta vare på passordet. Utan det kan ingen opne mappa.
    Sjå kva som står att: bevis doctor
init-second-key = Denne mappa held éin nøkkel til for {$name}: {$kid}
    Han signerer det noden skriv utkast til, og er ingen node: oppbevar han ein annan stad enn noden, hos ein annan.
    Set nøkkelen på kortet til verksemda: bevis keys join KORT
init-no-root = Ingen er vald til å gå god for dei andre enno. Hent tillitslista: bevis trust import FIL --root FINGERAVTRYKK
    Samanlikn fingeravtrykket med det som er kunngjort.
init-root = Denne noden går ut frå rota med dette fingeravtrykket:
init-root-compare = Samanlikn det med det som er kunngjort. Hent så tillitslista: bevis trust import FIL
backup-created = Tryggingskopien er skriven: {$path}
    Han er låst med det same passordet. Sjekk han: bevis backup verify
backup-verified = Tryggingskopien er heil: {$path}
backup-restored = Heimemappa er henta tilbake: {$path}. Bruk ikkje den gamle meir.
    Det som var ope då kopien vart teken, gjeld ikkje lenger: førespurnader, tilbod og kodar.
    Lommebok: kopiane tel som brukte. Hent nye hos utstedarane.
    Utstedar: det du har trekt tilbake etter at kopien vart teken, må du trekkje tilbake på nytt.
backup-repaired = Tryggingskopien har teke plassen til dei skadde dataa: {$path}. Dei skadde dataa ligg i {$aside}
    Det som vart gjort etter at kopien vart teken, manglar. Det som var ope då, gjeld ikkje lenger: førespurnader, tilbod og kodar.
    Lommebok: kopiane tel som brukte. Hent nye hos utstedarane.
    Utstedar: det du har trekt tilbake etter at kopien vart teken, må du trekkje tilbake på nytt.
    Ikkje bruk den gamle mappa samstundes.
home-copied = Denne heimemappa er kopiert hit. Det som var ope i henne, gjeld ikkje lenger, og ubrukte kopiar tel som brukte.
    Bruk berre éi av mappene. Sjå kva du må gjere på nytt: bevis doctor
config-valid = Innstillingane er gyldige: {$path}
serve-pages = Sidene er på { $address }
login-link = Opne med denne lenkja, som verkar éin gong: { $link }
login-once = Lenkja verkar éin gong, i { $minutes } minutt.
serve-ready = Noden er klar etter {$ms} ms. Stopp han med Ctrl-C. Han lyttar på:

# Den som spør.
verifier-asked = Gje lenkja til kunden. Følg med på svaret: bevis verifier watch {$session}
verifier-posted = Førespurnaden er lagd i postkassa til kunden. Lenkja over verkar òg. Følg med på svaret: bevis verifier watch {$session}
session-line = Teneste {$service}, sak {$case}
session-erased = Opplysningane er sletta {$at}. Signert erklæring: {$signed}
session-deletion = Kunden bad om sletting {$at}.
session-keep = Du kan ta vare på opplysningane til {$until}. Grunnlag: {$ground}
session-ages = Statusen var {$status} s gammal og tillitslista {$trust} s gammal då svaret vart sjekka.
reach-none = Ingen andre nodar er å nå no. Det som blir avgjort, byggjer på det som er lagra her.
reach-some = Ikkje å nå no: {$issuers}. For dei gjeld statusen som er lagra her, med sin alder.
until-session-end = økta er slutt

# Utstedar.
offer-code = Aktiveringskode: {$code}
    Gje koden til personen på ein annan måte enn lenkja.
issuer-revoked = Trekt tilbake for godt: {$count} bevis.
issuer-suspended = Sett på pause: {$count} bevis. Opphev med: bevis issuer reinstate
issuer-reinstated = Gyldig att: {$count} bevis.
import-progress = Importerer: linje {$done} av {$total}
import-resumed = Held fram med ein import som vart avbroten, etter linje {$line}.
import-done = Rader: {$rows}. Nye: {$new}. Endra: {$changed}. Uendra: {$unchanged}. Avviste: {$rejected}. Borte frå registeret: {$vanished}.
import-rejected = Avviste rader, med linje, felt og grunn: {$path}
prepare-progress = Klargjer: {$done} av {$total}
prepare-done = Klargjorde leveransar: {$count}, på {$ms} ms.

# Tillitsliste.
key-made = Ein ny nøkkel er laga: {$kid}
    Han signerer når han står på tillitslista. Send kortet ditt til ankera: bevis whoami --json
key-joined = Kortet namngir no alle nøklane: {$path}
    Send det til ankera.
key-signs = signerer no
key-listed = står på tillitslista
key-unlisted = står ikkje på tillitslista enno
key-compromised = er på avvegar og tel ikkje
certificate-shown = Sertifikat nummer {$serial} for {$did}
    Node: {$peer}
    Roller: {$roles}
    Gyldig til {$expires}, {$days} dagar att
trust-anchor-made = Nøklane til ankeret {$id} er laga. Gi kortet til den som foreslår rota.
trust-key-made = Ein ny nøkkel er laga. Den gamle signerer til ei rot namngir den nye.
trust-card-written = Kortet er skrive: {$path}
trust-proposed = Forslaget er skrive: {$path}
trust-fingerprint = Fingeravtrykk av den første rota:
trust-proposal-first-root = Forslag: den første rota i eit nytt nettverk
trust-proposal-root = Forslag: rot {$version} etter rot {$before}
trust-proposal-first-list = Forslag: den første tillitslista
trust-proposal-list = Forslag: tillitsliste {$version} etter liste {$before}
trust-proposal-until = Gjeld til {$until}.
trust-signatures = Signert etter rot {$root}: {$have} av {$needed} ({$anchors})
trust-enough = Nok har signert. Gjer det klart til bruk: bevis trust publish
trust-one-class = Dei som har signert, er av same slag. Det må vere to slag: etat, bank, andre.
trust-second = Denne mappa har alt signert noko anna med nummer {$version}. Blir begge tekne i bruk, deler nettverket seg.
    Signer berre når det andre aldri blir teke i bruk: bevis trust sign --instead
trust-confirm = Vil du signere dette? Skriv ja for å signere. Alt anna er nei.
notice-confirm = Vil du signere dette? Skriv ja for å signere. Alt anna er nei.
trust-published = Pakken er skriven: {$path}
trust-published-root = Han går til rot {$root}.
trust-published-list = Tillitsliste {$list} er stadfesta til {$until}.
trust-list-next = Det er inga liste enno. Foreslå den første: bevis trust propose list
trust-list-missing = Lista er signert av nokon som ikkje lenger er anker. Foreslå ei ny før nokon får denne pakken: bevis trust propose list
trust-head-missing = Stadfestinga har {$have} av {$needed} signaturar. Ta pakken med til neste anker: bevis trust publish
trust-root-imported = Rot {$root} er teken inn. Det er inga liste under henne enno.
trust-shown-head = Stadfesta til {$expires} (stadfesting {$version}).
trust-shown-root = Rot {$version}, gyldig til {$expires}. Så mange anker må signere: rot {$roots}, liste {$lists}, stadfesting {$heads}.
trust-anchor = {"  "}{$id}: {$name}, {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
trust-first-root = Alt er kontrollert frå den første rota:
trust-verified-history = Historia held: {$entries} versjonar, til rot {$root} og liste {$list}.
trust-verified-roots = Alle signaturar held, til rot {$root}. Det er inga liste i pakken.
trust-verified-bundle = Alle signaturar held: rot {$root}, liste {$list}, stadfesta til {$until}.
trust-verified-proposal = Alle signaturar held, og nok har signert.
trust-verified-unsigned = Signaturane så langt held. Det må fleire til.
trust-taken-root = {$number}. Rot {$version}, teken inn {$taken}
trust-taken-list = {$number}. Liste {$version}, teken inn {$taken}
trust-exported = Heile historia er skriven: {$path}
change-none = Ingenting blir endra utanom nummer og tid.
change-dangerous = Det som er merkt med «!», tek bort vern eller gir meir makt. Spør kvifor før du signerer.
change-begins-anew = Lista tek til på nytt frå ei som dagens anker ikkje har signert.
change-operator = Nettverket blir no drive av {$after}, før av {$before}.
change-until = Gjeld til {$after}, før til {$before}.
change-organisation-admitted = {$name} ({$number}, {$did}) kjem inn på lista.
change-organisation-removed = {$name} ({$number}, {$did}) går ut av lista. Ingenting frå den tel lenger.
change-organisation-renamed = {$did} heiter no {$after}, før {$before}.
change-key-added = {$organisation} får nøkkelen {$key}. Han gjeld frå {$from} til {$until}.
change-key-removed = {$organisation} mister nøkkelen {$key}. Ingenting han har signert, tel lenger.
change-key-replaced = {$organisation} får ein annan nøkkel under namnet {$key}.
change-key-window = Nøkkelen {$key} til {$organisation} gjeld {$after}, før {$before}.
change-key-compromised = Nøkkelen {$key} til {$organisation} har vore på avvegar sidan {$at}. Ingenting han har signert, tel.
change-key-cleared = Nøkkelen {$key} til {$organisation} tel igjen etter å ha vore på avvegar.
change-node-added = {$organisation} får noden {$peer} på {$addresses}
change-node-removed = {$organisation} mister noden {$peer}
change-node-moved = Noden {$peer} til {$organisation} er no på {$after}, før på {$before}
change-type-gained = {$organisation} kan utstede {$vct}
change-type-lost = {$organisation} kan ikkje lenger utstede {$vct}
change-service-gained = {$organisation} kan spørje under {$service}
change-service-lost = {$organisation} kan ikkje lenger spørje under {$service}
change-claim-gained = {$organisation} kan under {$service} be om dette frå {$vct}: {$claims}
change-claim-lost = {$organisation} kan under {$service} ikkje lenger be om dette frå {$vct}: {$claims}
change-service-term = {$organisation}, {$service}: {$member} er no {$after}, før {$before}
change-anchor-admitted = {$name} ({$anchor}) blir anker. Slag: {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
change-anchor-removed = {$name} ({$anchor}) er ikkje lenger anker. Slag: {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
change-anchor-renamed = Ankeret {$anchor} er no {$after}, før {$before}.
change-anchor-key-added = Ankeret {$anchor} får nøkkelen {$key} til {$role ->
    [root] rota
    [list] lista
   *[head] stadfestinga
    }
change-anchor-key-removed = Ankeret {$anchor} mister nøkkelen {$key} til {$role ->
    [root] rota
    [list] lista
   *[head] stadfestinga
    }
change-threshold = Så mange anker må signere no: {$after}. Før: {$before}. Det gjeld {$role ->
    [root] rota
    [list] lista
   *[head] stadfestinga
    }
change-counter-reset = Alle tek til å telje på nytt, fordi nok nøklar går ut til å ha signert åleine. Det gjeld {$role ->
    [root] rota
    [list] lista
   *[head] stadfestinga
    }
trust-signed = Signaturen er lagd til: {$path}
trust-imported = Tillitsliste versjon {$sequence} er i bruk. Verksemder på lista: {$count}.
trust-shown = Tillitsliste versjon {$sequence} frå {$operator}. Neste kjem innan {$next}.
trust-issues = {"  "}kan utstede: {$types}
trust-services = {"  "}kan spørje under: {$services}

# Helsesjekk av noden.
doctor-home = Heimemappe
doctor-home-remedy = Berre du skal kunne opne mappa: chmod 700
doctor-disk = Ledig diskplass
doctor-disk-remedy = Frigjer plass, eller flytt mappa til ein større disk.
doctor-key = Dagar att for nøkkelen
doctor-key-remedy = Nøkkelen går ut. Lag ein ny (bevis keys rotate), og få han inn på tillitslista før det skjer.
doctor-certificate = Dagar att for sertifikatet
doctor-certificate-remedy = Noden fornyar det sjølv når han står på tillitslista med ein nøkkel som gjeld. Prøv: bevis node certificate --renew
doctor-vouching = Dagar att for rot og liste
doctor-vouching-remedy = Ankera må signere ei ny rot eller liste før det. Sei frå til dei.
doctor-head = Alder på stadfestinga
doctor-head-remedy = Eit anker som er i gang, signerer ho på nytt kvar sjette time, og ingen har gjort det. Sjå i loggen, og signer ei for hand: bevis trust publish
doctor-head-signatures = Signaturar ei stadfesting treng
doctor-head-signatures-remedy = Når ho treng fleire enn éin, signerer ingen node ho sjølv. Nokon må signere ei ny saman kvar dag, elles avgjer ingen noko: bevis trust publish
doctor-trust = Tillitsliste
doctor-trust-remedy = Hent den nyaste lista: bevis trust import FIL
doctor-status = Alder på statusliste
doctor-status-remedy = Det er ikkje kome noko nyare frå utstedaren på halvparten av tida ei teneste godtek, eller meir; etter det vert ingenting avgjort. Sjå om han kan nåast: bevis node ping
doctor-lists = Statusliste som ikkje kan brukast
doctor-lists-remedy = Utstedaren må rette lista; til då kan ingenting frå henne stadfestast
doctor-notices = Varsel som manglar
doctor-notices-remedy = Det som kom etter, ventar på dei og stengjer ingen konto. Noden spør heile tida; sjå om registeret kan nåast: bevis node ping
doctor-gossip = Nodar å høyre nytt frå
doctor-gossip-remedy = Ingen av dei andre på tillitslista er kopla til, så nytt kjem først når noden spør. Sjå om han kan nå dei og nåast av dei: bevis node peers, bevis node ping
doctor-alarm = Alarm
doctor-alarm-remedy = Nokon har signert to ting som ikkje begge kan vere rette. `bevis node alarms` viser kva og kven det kom frå; sei frå til ankera eller utstedaren, og kvitter det ut der
doctor-older-list = Ei eldre tillitsliste
doctor-older-list-remedy = Nokon viste ein eldre versjon enn vår, gyldig signert: ei gammal fil, eit anker som var utan nett, eller nokon som vil halde dykk tilbake. `bevis node alarms` viser begge; spør ankera om det kjem igjen, og kvitter det ut der
doctor-alarms-lost = Alarmar som ikkje fekk plass
doctor-alarms-lost-remedy = Kvitter ut alarmane du har sett på (`bevis node alarms`), så det vert plass; loggen namngjev dei som gjekk tapt
doctor-caught-up = Hentar tillitslista etter gjenoppretting
doctor-caught-up-remedy = Ingenting vert gjeve ut før nok verksemder har svart; la noden stå på og vere på nett
doctor-store = Lager
doctor-store-remedy = Lageret vart reparert, eller mappa er ein kopi. Ta ein tryggingskopi, og bruk berre éi av mappene.
doctor-epoch = Tilbakehenting eller kopiering
doctor-epoch-remedy = Lommebok: hent nye bevis. Utstedar: trekk tilbake på nytt det du trekte tilbake etter kopien, og lag nye tilbod. Spør kundane på nytt.
doctor-clock = Klokka
doctor-clock-remedy = Still klokka, helst automatisk. Er det berre éin annan som avvik, kan det vere klokka deira som er feil.
doctor-relays = Plassar hos reléa
doctor-relays-remedy = Andre når ikkje denne noden der han ikkje har nokon. Sjå at kvart relé går, at PeerId og adresse i node.relays er rette, og at tillitslista nemner denne noden: bevis config show, bevis doctor
doctor-network = Nettverk
doctor-network-remedy = Noden lyttar ikkje. Start han: bevis serve. Sjekk adressa: bevis config show
doctor-listed = Slik noden står på tillitslista
doctor-listed-remedy = Send kortet ditt til ankera: bevis whoami --json

# Demoen.
population-written = Register med oppdikta personar og verksemder er skrivne til {$path}
demo-step-1 = 1. Nodane startar, og alle får vite kven dei kan stole på
demo-step-2 = 2. Ein innbyggjar og eit selskap hentar bevisa sine
demo-step-3 = 3. Dei deler det dei blir spurde om, og ikkje noko meir
demo-step-4 = 4. Det som skal feile, feilar. Det same utan juks går bra
demo-node-identity = Digitaliseringsdirektoratet
demo-node-tax = Skatteetaten
demo-node-loans = Lånekassen
demo-node-guarantor = Solid Garanti
demo-node-registry = Brønnøysundregistra
demo-node-bank = Syntetisk Sparebank
demo-node-roads = Statens vegvesen
demo-node-citizen = Innbyggjaren
demo-node-company = Transportselskapet
demo-node-anchor = Anker for staten
demo-node-anchor-bank = Anker for bankane
demo-node-anchor-other = Anker for forbrukarane
demo-node-insurer = Syntetisk Liv og Skade
demo-node-pension = Syntetisk Pensjon
demo-node-demo = Demoen
demo-node-stranger = Den framande
demo-node-lender = Hurtiglån
demo-anchor = {$node} har laga sine nøklar, som {$class ->
    [agency] etat
    [bank] bank
   *[other] andre
    }
demo-founded = {$node} har samla {$count} kort til den første rota. {$signers} anker av ulikt slag har signert
demo-ready = {$node} er i gang ({$ms} ms)
demo-processes = {$node} køyrer {$count} nodar, kvar i sin eigen prosess med si eiga mappe under {$root}
demo-listed = {$node} står på lista: {$issues ->
    [none] utsteder ingen bevis
   *[other] kan utstede {$issues}
    }, {$services ->
    [none] spør ikkje om noko
   *[other] kan spørje under {$services}
    }
demo-signed = {$node} har stadfesta tillitsliste versjon {$sequence}, som {$signers} anker har signert
demo-trusted = {$node} har gjeve lista til alle dei {$count} nodane. No veit dei kven som er kven
demo-population = {$node} har dikta opp {$persons} personar og {$companies} verksemder (frø {$seed})
demo-imported = {$node} las inn registeret for {$type ->
    [C01] «Personbevis»
    [C02] «Månadsinntekt»
    [C03] «Skattegrunnlag»
    [C04] «Studielån»
    [C05] «Garanti for transportløyve»
    [C06] «Registrering i Einingsregisteret»
   *[other] {$type}
    }: {$rows} rader, {$rejected} avviste ({$ms} ms)
demo-lists = {$count} nodar som kontrollerer bevis, har henta statuslistene til utstedarane ({$ms} ms)
demo-collected = {$node} henta {$type ->
    [C01] «Personbevis»
    [C02] «Månadsinntekt»
    [C03] «Skattegrunnlag»
    [C04] «Studielån»
    [C05] «Garanti for transportløyve»
    [C06] «Registrering i Einingsregisteret»
   *[other] {$type}
    } frå {$issuer ->
    [identity] Digitaliseringsdirektoratet
    [tax] Skatteetaten
    [loans] Lånekassen
    [guarantor] Solid Garanti
    [registry] Brønnøysundregistra
   *[other] {$issuer}
    } ({$ms} ms)
demo-words = {$node} skal opnast av dagleg leiar. Dei to skjermane viser dei same kontrollorda: {$words}
demo-asked = {$node} ber {$wallet ->
    [citizen] innbyggjaren
    [company] transportselskapet
    [stranger] den framande
   *[other] {$wallet}
    } dele opplysningar til {$service ->
    [S01] lånesøknad
    [S15] saldo på studielån
    [K01] kundekontroll
    [K02] identifisering
    [S09] garanti for transportløyve
   *[other] {$service}
    } (økt {$session})
demo-verdict = {$node} fekk svar til {$service ->
    [S01] lånesøknad
    [S15] saldo på studielån
    [K01] kundekontroll
    [K02] identifisering
    [S09] garanti for transportløyve
   *[other] {$service}
    }: {$verdict}. {$ok} av {$all} kontrollar i orden ({$ms} ms frå ja til svar, {$all_ms} ms i alt)
demo-stranger-collected = {$node} har henta ekte bevis om seg sjølv, og skal no misbruke dei
demo-refused = ✗ {$what ->
    [over_ask_own] {$node} prøver å be om studielån i ein lånesøknad. Den eigne noden seier nei
    [over_ask] {$node} får spørsmål om studielån i ein lånesøknad, frå ein långjevar utan lov til det. Lommeboka seier nei
    [unlisted] {$node} får spørsmål frå ein bank som ikkje står på lista. Lommeboka seier nei
    [replay] {$node} får det same svaret ein gong til. Noden seier nei
    [digit] {$node} får eit svar der eitt siffer er endra. Noden seier nei
    [stolen] {$node} får eit bevis som er vist frå feil lommebok. Noden seier nei
    [guarantee_ended] {$node} får ein garanti som er avslutta. Noden seier nei
   *[other] {$node} seier nei ({$what})
    }: {$sentence} [{$code}]
demo-accepted = ✓ {$what ->
    [over_ask] {$node} får spørsmål om inntekt frå same långjevar, og det har han lov til. Førespurnaden ventar på svar
    [unlisted] {$node} slapp nettopp fram eit spørsmål frå ein långjevar som står på lista
    [answer] {$node} godtek same slags svar når ingen har endra det
    [guarantee] {$node} godtek garantien så lenge ingen har avslutta han
   *[other] {$node} godtek ({$what})
    }
demo-register-changed = {$node} har endra registeret for {$type ->
    [C01] «Personbevis»
    [C02] «Månadsinntekt»
    [C03] «Skattegrunnlag»
    [C04] «Studielån»
    [C05] «Garanti for transportløyve»
    [C06] «Registrering i Einingsregisteret»
   *[other] {$type}
    }: {$changed} endra, {$revoked} trekte tilbake, {$superseded} erstatta
demo-mirrored = {$node} har fått vite om endringa hos {$issuer ->
    [identity] Digitaliseringsdirektoratet
    [tax] Skatteetaten
    [loans] Lånekassen
    [guarantor] Solid Garanti
    [registry] Brønnøysundregistra
   *[other] {$issuer}
    } ({$ms} ms)
demo-pending = ✓ {$node} godtek ein garanti som er sagd opp, fordi oppseiingstida ikkje er ute [{$code}]
demo-link = Lenkje til {$node}, verkar éin gong: {$link}
demo-opened = Alt er klart. Passordfrasen overalt er {$passphrase}. Avslutt med Ctrl-C.
demo-reach = {$node} står open for deg: bevis --home {$home} --passphrase-file {$passphrase_file} doctor
demo-consent-step-1 = 1. Nettverket
demo-consent-step-2 = 2. Eit ståande samtykke: gitt éin gong, brukt, sett, trekt tilbake
demo-consent-step-3 = 3. Det same, medan banken er av når det blir trekt tilbake
demo-consent-step-4 = 4. Det same, medan Lånekassen er av når det blir trekt tilbake
demo-consent-granted = {$node} har sagt ja éin gong ({$ms} ms)
demo-consent-closed = {$node} har lukka lommeboka
demo-consent-used = {$node} har henta saldoen frå Lånekassen, gong {$number} ({$ms} ms)
demo-consent-seen = {$node} opnar lommeboka og ser {$count} bruk ({$ms} ms)
demo-consent-use = {"   "}bruk {$number}: {$at}
demo-consent-withdrawn = {$node} har trekt det tilbake ({$ms} ms): Lånekassen {$issuer_told ->
    [true] veit det
   *[false] er av
 }, banken {$asker_told ->
    [true] veit det
   *[false] er av
 }
demo-consent-refused = {$node} nektar neste henting [{$code}]: {$sentence}
demo-consent-erased = {$node} stadfestar med signaturen sin: sletta {$erased}, behalde {$kept} ({$ground})
demo-consent-off = {$node} er av
demo-consent-heard = {$node} har høyrt det av seg sjølv ({$ms} ms etter at han var tilbake)
demo-consent-receipt = {$node} opnar lommeboka og har den signerte kvitteringa
demo-end = {$node} er ferdig, og alt gjekk som det skulle ({$total_ms} ms)
demo-stopped = {$node} stoppa før han var ferdig [{$code}]

# Forteljinga om tillit.
demo-trust-step-1 = 1. Nettet blir til: anker, nodar og ei liste som alle har
demo-trust-step-2 = 2. Ein ny etat kjem med
demo-trust-step-3 = 3. Ein etat byter nøkkel, og det gamle gjeld framleis
demo-trust-step-4 = 4. Ein uærleg utstedar blir kasta ut
demo-trust-step-5 = 5. Eit bevis blir trekt tilbake
demo-trust-step-6 = 6. Eit selskap går konkurs
demo-trust-step-7 = 7. Kor fort alle fekk vite det
demo-trust-root = {$anchors} anker har laga den første rota. {$threshold} av dei må signere kvar liste
demo-trust-homes = {$node} har laga {$count} heimar ({$ms} ms)
demo-trust-processes = {$node} køyrer {$count} nodar, kvar i sin eigen prosess med si eiga mappe under {$root} ({$ms} ms)
demo-trust-list = Ankera har signert den første lista, med {$count} verksemder og {$bytes} byte ({$ms} ms)
demo-trust-liars = {$node} har sleppt inn {$count} nodar til som lyg eller teier. Dei blir ikkje rekna med i tidene
demo-trust-trusted = {$node} har gitt lista til alle {$count} nodane ({$ms} ms). Frå no av spreier ho seg sjølv
demo-trust-collected = {$wallet ->
    [citizen] Innbyggjaren
    [neighbour] Naboen
   *[other] Ein innbyggjar til
    } har henta personbevis frå {$issuer}
demo-trust-memory = {$processes} prosessar som {$role ->
    [agency] etatar
   *[bank] bankar
    }: {$resident_kib} KiB kvar, {$proportional_kib} KiB utan det dei deler, {$all_mib} MiB i alt
demo-trust-rest = {$rests ->
    [yes] Nodane er i ro og bruker {$processor_ms} ms prosessortid i sekundet (venta {$waited_ms} ms)
   *[no] Nodane er ikkje i ro: dei bruker {$processor_ms} ms prosessortid i sekundet (venta {$waited_ms} ms). Det som følgjer, blir målt ved sida av dette
    }
demo-trust-spread = {$what ->
    [admitted] Den nye etaten
    [rotated] Den nye nøkkelen
    [delisted] Utestenginga
    [revoked] Tilbaketrekkinga
   *[bankrupt] Konkursvarselet
    } nådde {$seen} av {$nodes} {$what ->
    [revoked] bankar
    [bankrupt] bankar
   *[other] nodar
    }: halvparten på {$p50_ms} ms, 95 % på {$p95_ms} ms, 99 % på {$p99_ms} ms, alle på {$p100_ms} ms
demo-trust-answers = ✓ {$what ->
    [before_admission] Alle dei {$banks} bankane godtek det dei har frå før
    [admitted] Alle dei {$banks} bankane godtek det den nye etaten utsteder
    [before_rotation] Alle dei {$banks} bankane godtek beviset før nøkkelbytet
    [old_key] Alle dei {$banks} bankane godtek framleis det den gamle nøkkelen signerte
    [new_key] Alle dei {$banks} bankane godtek det den nye nøkkelen signerer
    [before_delisting] Alle dei {$banks} bankane godtek beviset frå den uærlege så lenge utstedaren står på lista
    [delisted] Alle dei {$banks} bankane avviser beviset frå den uærlege no
    [before_revocation] Alle dei {$banks} bankane godtek beviset før det blir trekt tilbake
   *[revoked] Alle dei {$banks} bankane avviser beviset no
    }{$answer ->
    [valid] {""}
   *[other] : {$sentence} [{$answer}]
    }
demo-trust-matched = ✓ {$node}: {$banks} bankar har selskapet som kunde, og alle har sperra kontoane. Ingen av dei {$others} andre har gjort noko
demo-trust-end = {$node} er ferdig, og alt gjekk som det skulle ({$total_ms} ms)
demo-trust-stopped = {$node} stoppa før den var ferdig [{$code}]
demo-trust-table-what = endring
demo-trust-table-nodes = nodar
demo-trust-table-half = 50 %
demo-trust-table-most = 95 %
demo-trust-table-nearly = 99 %
demo-trust-table-all = 100 %
demo-trust-table-begun = 99 % frå starten
demo-trust-table-admitted = ny etat
demo-trust-table-rotated = ny nøkkel
demo-trust-table-delisted = utestengd utstedar
demo-trust-table-revoked = tilbaketrekt bevis
demo-trust-table-bankrupt = konkurs

# --- ops ---
man-written = { $count } manualsider er skrivne: {$path}
config-default = elles {$value}
config-must-be-given = må oppgjevast
serve-status = Klar. Tilkopla nodar: {$peers}. Tillitsliste {$version}.
serve-status-no-trust = Klar, men utan tillitsliste.
serve-stopping = Avsluttar. Det som er i gang, blir gjort ferdig.
rights-closed = Berre du kan opne dette no: {$place}
backup-made = {"  "}Laga {$made}
backup-made-unknown = {"  "}Han seier ikkje når han vart laga.
backup-contents = {"  "}Roller: {$roles}. Rader: {$rows}. Storleik: {$mib} MiB.
    {"  "}Lager: {$store}
migrate-current = Heimemappa har formatet til dette programmet ({$format}). Ingenting er endra.
migrate-planned = Heimemappa har format {$format}, og dette programmet skriv format {$supported}. Dette ville bli gjort, etter ein forsegla kopi:
migrate-rewrite-journal = {"  "}Journalen blir skriven på nytt. Han må ha plass ved sida av den gamle.
migrate-done = Heimemappa har no format {$supported}. Eldre versjonar av programmet kan ikkje opne ho lenger.
    Ein forsegla kopi frå før ligg her: {$copy}
    Ta han bort når alt verkar som det skal.
bugreport-written = Rapporten er skriven: {$path}
    Han skal ikkje nemne nokon. Les han likevel før du sender han.
bugreport-left-out = Noko manglar, og rapporten seier kva. Med passordfrasen, eller medan noden køyrer, får han med meir.
doctor-key-soon = Få dagar att for nøkkelen
doctor-key-soon-remedy = Gjer det no: lag ein ny (bevis keys rotate), og send kortet til ankera (bevis whoami --json). Utan han gjeld ingenting du signerer.
doctor-permissions = Kven som kan opne filene
doctor-permissions-remedy = Ta retten frå andre: bevis doctor --fix. Står det «uid», eig ein annan brukar mappa: køyr som den brukaren.
doctor-backup = Dagar sidan tryggingskopi
doctor-backup-remedy = Ta ein no: bevis backup create FIL. Oppbevar han ein annan stad.
doctor-ports = Portar som svarar
doctor-ports-remedy = Noden seier at han lyttar der, men maskina når han ikkje. Sjå om brannmuren stengjer for lokale samband, og start noden på nytt.
doctor-peers = Tilkopla på tillitslista
doctor-peers-remedy = Sjå kven som er tilkopla: bevis node peers
doctor-sealed = Det som er forsegla
doctor-sealed-remedy = Oppgje passordfrasen, eller sjå om noden som køyrer, svarar. Berre det som kan sjåast utanfrå, er sjekka.
# --- ops2 ---
serve-admin = Helse og måltal: http://{$address}/readyz og /metrics.
admin-403 = Ei nettside på ein annan stad får ikkje spørje her.
admin-404 = Her finst berre /livez, /readyz og /metrics.
admin-405 = Her kan du berre hente: GET eller HEAD.
admin-413 = Her blir det ikkje teke imot noko innhald.
admin-421 = Spør med namnet localhost eller adressa 127.0.0.1.
admin-431 = Spørsmålet er for langt.
admin-503 = Noden er oppteken og svarte ikkje i tide. Spør igjen om litt.
ready-internal = Ei rolle har stoppa etter ein feil.
ready-internal-remedy = Start noden på nytt, og sjå i loggen.
ready-trust_missing = Noden har inga tillitsliste.
ready-trust_missing-remedy = Hent ho inn: `bevis trust import FIL`.
ready-trust_stale = Tillitslista har gått ut. Ingenting kan avgjerast.
ready-trust_stale-remedy = Sjå om noden når andre: `bevis node peers`. Eller hent lista frå ei fil: `bevis trust import FIL`.
ready-clock_suspect = Tillitslista er signert seinare enn det klokka her viser.
ready-clock_suspect-remedy = Still klokka, helst automatisk.
ready-status_stale = Statusen frå utstedaren er for gammal til å avgjere noko.
ready-status_stale-remedy = Sjå om noden når utstedaren: `bevis node ping DID`.
ready-catching_up = Heimemappa er gjenoppretta. Noden ventar på hovuda til andre.
ready-catching_up-remedy = La han gå, og sjå at han når andre: `bevis node peers`.
ready-disk_full = Det er for lite plass på disken.
ready-disk_full-remedy = Gjer plass. Det som er lagra, er der framleis.
ready-disk_read_only = Disken kan ikkje skrivast til.
ready-disk_read_only-remedy = Sjå kvifor han vart skriveverna, og monter han på nytt.
ready-unreachable = Noden er ikkje med i nettverket.
ready-unreachable-remedy = Vent til han er klar. Sjå så adressene: `bevis node status`.
ready-not_listed = Tillitslista har ikkje denne noden.
ready-not_listed-remedy = Send kortet til dei som fører lista: `bevis --json whoami`.
ready-key_outside_window = Nøkkelen som signerer, har gått ut.
ready-key_outside_window-remedy = Lag den neste: `bevis keys rotate`. Send så det nye kortet.
ready-certificate_invalid = Noden har ikkje noko sertifikat som gjeld.
ready-certificate_invalid-remedy = Lag eit nytt: `bevis node certificate --renew`.
# --- people ---
problem-not_permitted = Denne kontoen har ikkje lov til dette.
remedy-not_permitted = Spør drifta om tilgang. Kontoar blir laga på kommandolinja: `bevis person add`.
problem-second_person_missing = Dette krev to ulike personar. Den som foreslo det, kan ikkje også godkjenne det.
remedy-second_person_missing = La ein annan med eigen konto godkjenne: `--as BRUKARNAMN`.
ask-person-passphrase = Passordet til kontoen
ask-person-passphrase-again = Passordet ein gong til
person-added = Kontoen er laga: { $handle }
person-removed = Kontoen er fjerna: { $handle }
person-passphrase-changed = Kontoen har fått nytt passord: { $handle }
person-gone = fjerna { $at }
person-none = Ingen kontoar enno. Lag ein: `bevis person add`.
record-empty = Ingenting er skrive enno.
record-more = Eldre linjer: `bevis record list --from { $next }`
record-whole = Loggen er heil: { $count } linjer. Den siste har { $hash }
record-broken = Loggen er broten ved linje { $number }
record-exported = { $count } linjer skrivne til { $path }
bulk-proposed = Foreslått for { $count } bevis, { $rejected } linjer avviste. Ein annan må godkjenne før { $until }: { $bulk }
bulk-rejected = Avviste linjer: { $path }
bulk-progress = { $done } av { $total }
bulk-finished = Ferdig: { $count } bevis endra, { $passed } lét seg ikkje endre. { $bulk }
bulk-paused = Stansa etter { $count } bevis. Hald fram med `bevis issuer bulk resume { $bulk }`
bulk-cancelled = Avlyst etter { $count } bevis: { $bulk }
import-paused = Importen er stansa. Køyr kommandoen på nytt for å halde fram: { $job }
key-proposed = Ny nøkkel foreslått av { $by }. Ein annan må godkjenne før { $until }: { $proposal }
key-cancelled = Forslaget om ny nøkkel er avlyst: { $proposal }
