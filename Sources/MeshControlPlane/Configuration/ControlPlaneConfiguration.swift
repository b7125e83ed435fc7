// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshSecurity
import NIOCore

/// What a control plane needs to know before it starts.
public struct ControlPlaneConfiguration: Sendable {
    /// The folder of manifests: every `.yaml`, `.yml` and `.json` file directly in it, dot files left out.
    public var manifestFolder: String
    /// Where the authority's key is kept. It is created when missing, for the owner alone.
    public var stateDirectory: String
    /// Who may register and be certified, and as what.
    public var tokens: [RegistrationToken]
    /// Where xDS and the certificate service listen, in plaintext; port 0 lets the system choose.
    ///
    /// Default `127.0.0.1:15010`: loopback, at the port that istiod serves plaintext xDS on.
    public var xdsAddress: EndpointAddress
    /// Where xDS and the certificate service listen with mutual TLS, beside `xdsAddress`; port 0 lets the system choose. There
    /// the holder of a certificate has its identity again without a token.
    ///
    /// Default `nil`: nowhere. istiod's port is 15012.
    public var securedXDSAddress: EndpointAddress?
    /// Who the control plane is on that address: its path in the trust domain.
    ///
    /// Default `/ns/istio-system/sa/istiod`: istiod's service account.
    public var identityPath: String
    /// Where the registration API listens, in plaintext; port 0 lets the system choose.
    ///
    /// Default `127.0.0.1:15080`.
    public var registryAddress: EndpointAddress
    /// The trust domain of the identities that are issued.
    ///
    /// Default `cluster.local`: Istio's `meshConfig.trustDomain`.
    public var trustDomain: String
    /// How long a registration lives without being renewed; 1 s to 1 h.
    ///
    /// Default 15 s: three renewals of 5 s may be lost before an instance is taken for dead.
    public var leaseDuration: Nanoseconds
    /// How long certificates live, unless a shorter life is asked for; 5 s to 30 days.
    ///
    /// Default 1 h: SPIRE's `default_x509_svid_ttl`.
    public var certificateValidity: Nanoseconds
    /// The certificate authority that the operator gives; its key stays where it is.
    ///
    /// Default `nil`: one is made, and kept in the state directory.
    public var authority: AuthorityFiles?
    /// The most certificates that each caller gets in a second; 1 to 100 000.
    ///
    /// Default 500: SPIRE's limit on what one address has signed (`ratelimit.signing`).
    public var maximumIssuanceRate: UInt32
    /// How often the folder is looked at; 10 ms to 1 min.
    ///
    /// Default 500 ms.
    public var folderPollInterval: Nanoseconds
    /// How much of everything is accepted.
    public var limits: Limits

    /// How much is accepted.
    public struct Limits: Hashable, Sendable {
        /// The most instances in the registry, from 1. Default 10 000.
        public var maximumInstances: Int
        /// The most bytes in the body of a request to the registration API, from 1024. Default 64 KiB.
        public var maximumBodySize: Int
        /// The most connections to the registration API at once, from 1. Default 1024.
        public var maximumConnections: Int
        /// The most manifest files, from 1. Default 2000.
        public var maximumFiles: Int
        /// The most bytes in one manifest file, from 1024. Default 1 MiB, the largest object that etcd takes by default.
        public var maximumFileSize: Int
        /// The most bytes in all manifest files together. Default 16 MiB.
        public var maximumTotalSize: Int

        /// Creates limits.
        public init(
            maximumInstances: Int = 10_000,
            maximumBodySize: Int = 64 << 10,
            maximumConnections: Int = 1024,
            maximumFiles: Int = 2000,
            maximumFileSize: Int = 1 << 20,
            maximumTotalSize: Int = 16 << 20
        ) {
            self.maximumInstances = maximumInstances
            self.maximumBodySize = maximumBodySize
            self.maximumConnections = maximumConnections
            self.maximumFiles = maximumFiles
            self.maximumFileSize = maximumFileSize
            self.maximumTotalSize = maximumTotalSize
        }
    }

    /// Creates a configuration.
    public init(
        manifestFolder: String,
        stateDirectory: String,
        tokens: [RegistrationToken],
        xdsAddress: EndpointAddress = EndpointAddress(host: "127.0.0.1", port: 15010),
        securedXDSAddress: EndpointAddress? = nil,
        identityPath: String = "/ns/istio-system/sa/istiod",
        registryAddress: EndpointAddress = EndpointAddress(host: "127.0.0.1", port: 15080),
        trustDomain: String = "cluster.local",
        leaseDuration: Nanoseconds = .seconds(15),
        certificateValidity: Nanoseconds = .seconds(3600),
        authority: AuthorityFiles? = nil,
        maximumIssuanceRate: UInt32 = 500,
        folderPollInterval: Nanoseconds = .milliseconds(500),
        limits: Limits = Limits()
    ) {
        self.manifestFolder = manifestFolder
        self.stateDirectory = stateDirectory
        self.tokens = tokens
        self.xdsAddress = xdsAddress
        self.securedXDSAddress = securedXDSAddress
        self.identityPath = identityPath
        self.registryAddress = registryAddress
        self.trustDomain = trustDomain
        self.leaseDuration = leaseDuration
        self.certificateValidity = certificateValidity
        self.authority = authority
        self.maximumIssuanceRate = maximumIssuanceRate
        self.folderPollInterval = folderPollInterval
        self.limits = limits
    }

    /// Checks every bound.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!manifestFolder.isEmpty, "manifestFolder", "is empty")
        problems.require(!stateDirectory.isEmpty, "stateDirectory", "is empty")
        validateTokens(&problems)
        var addresses = [("xdsAddress", xdsAddress), ("registryAddress", registryAddress)]
        if let securedXDSAddress { addresses.append(("securedXDSAddress", securedXDSAddress)) }
        _ = problems.nest("identityPath") { () throws(ConfigurationError) in
            // What is wrong with the trust domain is said of that.
            try SPIFFEID("spiffe://cluster.local" + identityPath)
        }
        for (name, address) in addresses {
            // A name may mean several addresses; which of them to listen at is for the operator to say.
            let isAddress = (try? SocketAddress(ipAddress: address.host, port: 0)) != nil
            problems.require(isAddress && address.port != nil, name, "must be an IP address with a port")
        }
        _ = problems.nest("trustDomain") { () throws(ConfigurationError) in try SPIFFEID("spiffe://" + trustDomain) }
        problems.require(!trustDomain.utf8.contains(UInt8(ascii: "/")), "trustDomain", "has no path")
        let times: [(String, Nanoseconds, ClosedRange<Nanoseconds>, String)] = [
            ("leaseDuration", leaseDuration, .seconds(1)...(.seconds(3600)), "1 s to 1 h"),
            ("certificateValidity", certificateValidity, .seconds(5)...(.seconds(30 * 86_400)), "5 s to 30 days"),
            ("folderPollInterval", folderPollInterval, .milliseconds(10)...(.seconds(60)), "10 ms to 1 min"),
        ]
        for (name, value, range, text) in times {
            problems.require(range.contains(value), name, "must be from \(text), is \(value.seconds) s")
        }
        let numbers: [(String, Int, ClosedRange<Int>)] = [
            ("maximumIssuanceRate", Int(maximumIssuanceRate), 1...100_000),
            ("maximumInstances", limits.maximumInstances, 1...1_000_000),
            ("maximumBodySize", limits.maximumBodySize, 1024...(16 << 20)),
            ("maximumConnections", limits.maximumConnections, 1...1_000_000),
            ("maximumFiles", limits.maximumFiles, 1...100_000),
            ("maximumFileSize", limits.maximumFileSize, 1024...(64 << 20)),
            ("maximumTotalSize", limits.maximumTotalSize, 1024...(1 << 30)),
        ]
        for (name, value, range) in numbers {
            problems.require(
                range.contains(value),
                name == "maximumIssuanceRate" ? name : "limits.\(name)",
                "must be from \(range.lowerBound) to \(range.upperBound), is \(value)"
            )
        }
        try problems.throwIfAny()
    }

    private func validateTokens(_ problems: inout ProblemCollector) {
        var secrets: Set<String> = []
        for (position, token) in tokens.enumerated() {
            let path = "tokens[\(position)]"
            problems.require(
                token.secret.utf8.count >= RegistrationToken.minimumLength,
                path + ".secret",
                "must have at least \(RegistrationToken.minimumLength) bytes, has \(token.secret.utf8.count)"
            )
            problems.require(
                token.secret.utf8.allSatisfy { (0x21...0x7E).contains($0) },
                path + ".secret",
                "must be printable ASCII without spaces, to fit into a header"
            )
            problems.require(secrets.insert(token.secret).inserted, path + ".secret", "stands there twice")
            NameRules.label.check(token.namespace, path + ".namespace", &problems)
            for account in (token.serviceAccounts ?? []).sorted() {
                NameRules.subdomain.check(account, path + ".serviceAccounts", &problems)
            }
        }
    }
}
