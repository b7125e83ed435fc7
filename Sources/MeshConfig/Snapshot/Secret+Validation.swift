// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension Secret {
    /// The longest document of a secret, in bytes: 1 MiB, Envoy's bound on what it reads of a trusted authority's file.
    package static let maximumLength = 1 << 20
    /// The most names that a peer's certificate may be asked for one of.
    package static let maximumNames = 1024

    /// Checks the name and the sizes. What the documents say is found out by whoever makes a TLS context of them.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!name.isEmpty, "name", "is empty")
        func check(_ text: String, _ path: String) {
            problems.require(!text.isEmpty, path, "is empty")
            let isShort = text.utf8.count <= Self.maximumLength
            problems.require(isShort, path, "must be at most \(Self.maximumLength) bytes")
        }
        switch content {
        case .certificate(let certificate):
            check(certificate.chain, "certificate.chain")
            check(certificate.privateKey.revealed, "certificate.privateKey")
        case .validation(let validation):
            let isPinned = !validation.certificateHashes.isEmpty || !validation.keyHashes.isEmpty
            if !validation.takesUntrusted || !validation.trustedRoots.isEmpty {
                check(validation.trustedRoots, "validation.trustedRoots")
            } else {
                let says = isPinned || !validation.acceptedNames.isEmpty || !validation.matchers.isEmpty
                problems.require(says, "validation", "takes whoever comes")
            }
            if let lists = validation.revocationLists { check(lists, "validation.revocationLists") }
            let count = validation.acceptedNames.count + validation.matchers.count
            problems.require(
                count <= Self.maximumNames,
                "validation.acceptedNames",
                "must be at most \(Self.maximumNames), are \(count)"
            )
        }
        try problems.throwIfAny()
    }
}

extension MeshResources {
    func checkSecrets(_ problems: inout ProblemCollector) {
        for (name, secret) in secrets.sorted(by: { $0.key < $1.key }) {
            _ = problems.nest("secrets[\(name)]") { () throws(ConfigurationError) in try secret.validate() }
        }
    }
}

extension Cluster {
    func checkSecrets(_ problems: inout ProblemCollector) {
        problems.require(
            peerNames.count <= Secret.maximumNames,
            "peerNames",
            "must be at most \(Secret.maximumNames), are \(peerNames.count)"
        )
        guard let secrets else { return }
        problems.require(upstreamSecurity != .plaintext, "secrets", "there is no TLS to protect with them")
        secrets.check("secrets", &problems)
    }
}

extension Listener {
    func checkSecrets(_ path: String, _ problems: inout ProblemCollector) {
        problems.require(
            peerNames.count <= Secret.maximumNames,
            path + ".peerNames",
            "must be at most \(Secret.maximumNames), are \(peerNames.count)"
        )
        if case .inbound(_, .tls) = direction {
            problems.require(
                secrets != nil && secrets?.validation == nil,
                path + ".secrets",
                "must be a certificate alone, where callers are asked for none"
            )
        }
        guard let secrets else { return }
        let isSecured = if case .inbound(_, let security) = direction { security.takesTLS } else { false }
        problems.require(isSecured, path + ".secrets", "there is no inbound TLS to protect with them")
        problems.require(secrets.certificate != nil, path + ".secrets.certificate", "is missing: a server shows one")
        secrets.check(path + ".secrets", &problems)
    }
}

extension SecretReference {
    fileprivate func check(_ path: String, _ problems: inout ProblemCollector) {
        problems.require(certificate?.isEmpty != true, path + ".certificate", "is empty")
        problems.require(validation?.isEmpty != true, path + ".validation", "is empty")
        problems.require(
            validation == nil || !skipsVerification,
            path + ".skipsVerification",
            "whoever is judged by a secret is not taken unseen"
        )
        let (oldest, newest) = (parameters.minimumVersion ?? .tls12, parameters.maximumVersion ?? .tls13)
        problems.require(oldest <= newest, path + ".parameters", "the oldest version is newer than the newest one")
        problems.require(
            parameters.cipherSuites.count <= 64,
            path + ".parameters.cipherSuites",
            "must be at most 64, are \(parameters.cipherSuites.count)"
        )
        if let name = parameters.unknownCipherSuite {
            problems.require(false, path + ".parameters.cipherSuites", "\"\(name.prefix(64))\" is no cipher suite")
        }
    }
}
