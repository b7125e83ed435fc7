// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
public import MeshCore

/// An identity from files that somebody else keeps fresh: cert-manager, spiffe-helper, Istio's agent, a secret mount.
///
/// The files are looked at in an interval, because notifications of the file system do not work on every mount. They may be
/// replaced one by one, by renaming or in place, or all at once by a link as Kubernetes does. While they do not fit each
/// other, as in the midst of a change, or are missing or bad, the last identity stays in use.
public struct FileIdentitySource: IdentitySource {
    /// Which files.
    public struct Paths: Hashable, Sendable {
        /// The certificates as PEM, the leaf first, each followed by its issuer.
        public var certificate: String
        /// The leaf's private key as PEM, without a password.
        public var privateKey: String
        /// The roots of the own trust domain as PEM.
        public var roots: String
        /// The revocation lists of the own trust domain as PEM; `nil` for none.
        public var revocationLists: String?
        /// The roots of further trust domains: a SPIFFE bundle map (gRFC A87), which also has those of the own one; `nil` for
        /// none.
        public var bundleMap: String?

        /// Creates paths.
        public init(
            certificate: String,
            privateKey: String,
            roots: String,
            revocationLists: String? = nil,
            bundleMap: String? = nil
        ) {
            self.certificate = certificate
            self.privateKey = privateKey
            self.roots = roots
            self.revocationLists = revocationLists
            self.bundleMap = bundleMap
        }

        /// The files of a folder as Istio's agent writes and reads them (`/etc/certs`): `cert-chain.pem`, `key.pem` and
        /// `root-cert.pem`.
        public init(istioFolder folder: String) {
            self.init(
                certificate: folder + "/cert-chain.pem",
                privateKey: folder + "/key.pem",
                roots: folder + "/root-cert.pem"
            )
        }

        /// The files of a folder as a Kubernetes secret of the type `kubernetes.io/tls` has them: `tls.crt`, `tls.key` and
        /// `ca.crt`.
        public init(kubernetesFolder folder: String) {
            self.init(
                certificate: folder + "/tls.crt",
                privateKey: folder + "/tls.key",
                roots: folder + "/ca.crt"
            )
        }

        var all: [String] { [certificate, privateKey, roots] + [revocationLists, bundleMap].compactMap(\.self) }
    }

    /// How long it may be between two looks.
    static let intervals = Nanoseconds.milliseconds(10)...Nanoseconds.seconds(3600)
    /// After so many looks at files that do not fit each other, somebody is told.
    static let patience = 3

    private let paths: Paths
    private let interval: Nanoseconds
    private let clock: any MeshClock
    private let read: @Sendable (String) -> Result<[UInt8], FileProblem>

    /// Creates a source.
    /// - Parameters:
    ///   - paths: The files. They may be missing at first.
    ///   - interval: How long it is between two looks, from 10 ms to 1 h; default 1 s.
    ///   - clock: What waits are measured by.
    /// - Throws: `ConfigurationError` if a path is empty or the interval breaks a bound.
    public init(
        paths: Paths,
        interval: Nanoseconds = .seconds(1),
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        try self.init(paths: paths, interval: interval, clock: clock) { path in
            PEMFile(path: path).contents()
        }
    }

    init(
        paths: Paths,
        interval: Nanoseconds,
        clock: any MeshClock,
        read: @escaping @Sendable (String) -> Result<[UInt8], FileProblem>
    ) throws(ConfigurationError) {
        var problems = ProblemCollector()
        for path in paths.all { problems.require(!path.isEmpty, "paths", "has an empty path") }
        problems.require(Self.intervals.contains(interval), "interval", "must be from 10 ms to 1 h")
        try problems.throwIfAny()
        self.paths = paths
        self.interval = interval
        self.clock = clock
        self.read = read
    }

    /// Looks at the files until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    public func run(delivering sink: IdentitySink) async throws {
        // The file system may take its time; the threads that run everybody's tasks must not.
        let queue = DispatchQueue(label: "MeshIdentity.FileIdentitySource")
        var watch = FileSetStateMachine()
        while true {
            let (paths, read) = (paths, read)
            let contents = await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: paths.all.map { read($0) }) }
            }
            switch watch.looked(contents) {
            case .rest: break
            case .tell(let problem): sink.failed(IdentityError(.unanswered, problem))
            case .use(let files):
                do {
                    try await sink.install(material(of: files, for: sink.spiffeID))
                    watch.taken()
                } catch {
                    try Task.checkCancellation()
                    if watch.refused(patience: Self.patience) { sink.failed(error) }
                }
            }
            try await clock.sleep(until: clock.now.advanced(by: interval))
        }
    }

    private func material(of files: [[UInt8]], for spiffeID: String) throws(IdentityError) -> IdentityMaterial {
        var texts: [String: String] = [:]
        for (path, bytes) in zip(paths.all, files) {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw IdentityError(.malformedCertificate, "\(path) is no UTF-8")
            }
            texts[path] = text
        }
        let domain = spiffeID.dropFirst("spiffe://".count).prefix { $0 != "/" }
        var roots: [String: String] = [:]
        if let map = paths.bundleMap.flatMap({ texts[$0] }) {
            for (domain, bundle) in try SPIFFEBundleMap(json: map).bundles { roots[domain] = bundle.roots }
        }
        roots[String(domain)] = [roots[String(domain)], texts[paths.roots]].compactMap(\.self).joined(separator: "\n")
        var material = IdentityMaterial(
            certificate: TLSCertificate(
                chain: texts[paths.certificate] ?? "",
                privateKey: SecretText(texts[paths.privateKey] ?? "")
            ),
            roots: roots
        )
        if let lists = paths.revocationLists.flatMap({ texts[$0] }) {
            material.revocationLists[String(domain)] = lists
        }
        return material
    }
}
