"""Every key of Distribution's `config.yml`, of 2.8, of 3, and of its main branch."""

SUPPORTED = """
version log.accesslog.disabled log.level log.formatter log.fields
storage.filesystem.rootdirectory storage.inmemory storage.delete.enabled
storage.maintenance.uploadpurging.enabled storage.maintenance.uploadpurging.age
storage.maintenance.uploadpurging.interval storage.maintenance.uploadpurging.dryrun
storage.maintenance.readonly.enabled
auth.none
http.addr http.net http.host http.relativeurls http.draintimeout http.headers
validation.disabled validation.manifests.indexes.platforms
catalog.maxentries tags.maxtags
""".split()

WARNS = """
loglevel log.reportcaller
storage.filesystem.maxthreads storage.redirect.disable
storage.cache.blobdescriptor storage.cache.layerinfo storage.cache.blobdescriptorsize
storage.tag.concurrencylimit
http.secret http.debug.addr http.debug.prometheus.enabled http.debug.prometheus.path
http.http2.disabled http.h2c.enabled
notifications.events.includereferences
redis.addrs redis.addr redis.clientname redis.db redis.protocol redis.username redis.password
redis.sentinelusername redis.sentinelpassword redis.maxretries redis.minretrybackoff
redis.maxretrybackoff redis.dialtimeout redis.readtimeout redis.writetimeout
redis.contexttimeoutenabled redis.poolfifo redis.poolsize redis.pooltimeout redis.minidleconns
redis.maxidleconns redis.maxactiveconns redis.connmaxidletime redis.connmaxlifetime
redis.maxredirects redis.readonly redis.routebylatency redis.routerandomly redis.mastername
redis.disableidentity redis.identitysuffix redis.unstableresp3 redis.tls.certificate
redis.tls.key redis.tls.rootcas redis.pool.maxidle redis.pool.maxactive redis.pool.idletimeout
health.storagedriver.enabled health.storagedriver.interval health.storagedriver.threshold
proxy.username proxy.password proxy.exec.command proxy.exec.lifetime proxy.ttl
proxy.cachewritetimeout
compatibility.schema1.signingkeyfile
validation.enabled
reporting.bugsnag.apikey reporting.bugsnag.releasestage reporting.bugsnag.endpoint
reporting.newrelic.licensekey reporting.newrelic.name reporting.newrelic.verbose
""".split()

_S3 = """
accesskey secretkey region regionendpoint bucket keyid useragent forcepathstyle accelerate encrypt
secure skipverify v4auth chunksize multipartcopychunksize multipartcopymaxconcurrency
multipartcopythresholdsize rootdirectory storageclass usedualstack usefipsendpoint objectacl
loglevel redirectendpoint
""".split()

REFUSED = [
    *(f"storage.s3.{key}" for key in _S3),
    *"""
log.hooks
storage.azure.accountname storage.azure.accountkey storage.azure.container
storage.azure.credentials.type storage.azure.credentials.clientid
storage.azure.credentials.tenantid storage.azure.credentials.secret storage.azure.rootdirectory
storage.azure.connectionstring storage.azure.serviceurl storage.azure.realm
storage.azure.max_retries storage.azure.retry_delay
storage.gcs.bucket storage.gcs.keyfile storage.gcs.credentials storage.gcs.rootdirectory
storage.gcs.chunksize storage.swift storage.oss
auth.silly.realm auth.silly.service auth.token.realm auth.token.service auth.token.issuer
auth.token.rootcertbundle auth.token.autoredirect auth.token.autoredirectpath auth.token.jwks
auth.token.signingalgorithms auth.htpasswd.realm auth.htpasswd.path
middleware.registry middleware.repository middleware.storage
http.prefix http.tls.certificate http.tls.key http.tls.clientcas http.tls.clientauth
http.tls.minimumtls http.tls.ciphersuites http.tls.letsencrypt.cachefile
http.tls.letsencrypt.email http.tls.letsencrypt.hosts http.tls.letsencrypt.directoryurl
notifications.endpoints
health.file health.http health.tcp
proxy.remoteurl
compatibility.schema1.enabled
validation.manifests.urls.allow validation.manifests.urls.deny
validation.manifests.indexes.platformlist
policy.repository.classes
""".split(),
]
