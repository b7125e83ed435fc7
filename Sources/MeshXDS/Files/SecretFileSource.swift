// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
public import MeshConfig
public import MeshCore

/// Certificates, keys and roots from files, for configurations that name them by Istio's names: `file-cert:CERTIFICATE~KEY`
/// and `file-root:ROOTS`, as the `SIMPLE` and `MUTUAL` of a `DestinationRule` do.
///
/// The application says which files may be read; a configuration that names others gets nothing, and its connections fail.
/// The files are looked at in an interval, and a change is read once it stood still for an interval. What no connection
/// could use (a key that is not the certificate's, say, while both are being replaced) is not put in force: the last good
/// one stays.
public struct SecretFileSource: ConfigSource {
    /// A certificate and its key.
    public struct Certificate: Hashable, Sendable {
        /// The file of the certificates in PEM, the leaf first.
        public var certificate: String
        /// The file of the leaf's key in PEM, without a password.
        public var key: String

        /// Names the files.
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }

        var name: String { "file-cert:\(certificate)~\(key)" }
    }

    /// How long it may be between two looks.
    static let intervals = Nanoseconds.milliseconds(100)...Nanoseconds.seconds(3600)

    /// The source's name.
    public let name = "secret files"
    private let certificates: [Certificate]
    private let roots: [String]
    private let interval: Nanoseconds
    private let clock: any MeshClock

    /// Creates a source.
    /// - Parameters:
    ///   - certificates: The certificates that may be shown.
    ///   - roots: The files of roots that servers may be judged by.
    ///   - interval: How long it is between two looks, from 100 ms to 1 h; default 5 s. A look costs a system call a file.
    ///   - clock: What waits are measured by.
    /// - Throws: `ConfigurationError` if a path is empty or the interval breaks a bound.
    public init(
        certificates: [Certificate] = [],
        roots: [String] = [],
        interval: Nanoseconds = .seconds(5),
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        var problems = ProblemCollector()
        for (position, pair) in certificates.enumerated() {
            problems.require(!pair.certificate.isEmpty, "certificates[\(position)].certificate", "is empty")
            problems.require(!pair.key.isEmpty, "certificates[\(position)].key", "is empty")
        }
        for (position, path) in roots.enumerated() { problems.require(!path.isEmpty, "roots[\(position)]", "is empty") }
        problems.require(Self.intervals.contains(interval), "interval", "must be from 100 ms to 1 h")
        try problems.throwIfAny()
        self.certificates = certificates
        self.roots = roots
        self.interval = interval
        self.clock = clock
    }

    /// Watches the files until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    public func run(delivering sink: ConfigSink) async throws {
        // The file system may take its time; the threads that run everybody's tasks must not.
        let queue = DispatchQueue(label: "MeshXDS.SecretFileSource")
        var watch = FileSetWatch()
        while true {
            let looks = await blocking(on: queue) { fingerprints() }
            if watch.isReady(looks) {
                let content = await blocking(on: queue) { read() }
                // What changed while it was read is read again when it stands still.
                if await blocking(on: queue, { fingerprints() }) == looks {
                    watch.used(looks)
                    deliver(content, to: sink)
                }
            }
            try await clock.sleep(until: clock.now.advanced(by: interval))
        }
    }

    private var paths: [String] { certificates.flatMap { [$0.certificate, $0.key] } + roots }

    private func fingerprints() -> [FileFingerprint?] {
        paths.map { try? LocalFile(path: $0).fingerprint() }
    }

    /// The secrets that can be used, and what is wrong with the others.
    private func read() -> (secrets: [Secret], problems: [String]) {
        var found: (secrets: [Secret], problems: [String]) = ([], [])
        for pair in certificates {
            do throws(FileProblem) {
                let key = SecretText(try text(pair.key))
                let certificate = TLSCertificate(chain: try text(pair.certificate), privateKey: key)
                if let problem = certificate.problem {
                    found.problems.append("\(pair.name): \(problem.field) \(problem.text)")
                } else {
                    found.secrets.append(Secret(name: pair.name, content: .certificate(certificate)))
                }
            } catch {
                found.problems.append(error.description)
            }
        }
        for path in roots {
            do throws(FileProblem) {
                let validation = PeerValidation(trustedRoots: try text(path))
                if let problem = validation.problem {
                    found.problems.append("\(path): \(problem)")
                } else {
                    found.secrets.append(Secret(name: "file-root:\(path)", content: .validation(validation)))
                }
            } catch {
                found.problems.append(error.description)
            }
        }
        return found
    }

    private func text(_ path: String) throws(FileProblem) -> String {
        let (bytes, _) = try LocalFile(path: path).read(upTo: Secret.maximumLength)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func deliver(_ content: (secrets: [Secret], problems: [String]), to sink: ConfigSink) {
        guard content.problems.isEmpty else {
            let error = ConfigurationError(path: "", content.problems.joined(separator: "; "))
            sink.notice(.configurationRejected(source: name, error: error))
            return
        }
        // The sink tells its observers of a refusal; the last good configuration stays in force.
        _ = try? sink.apply(MeshResources(secrets: content.secrets))
    }

    private func blocking<Value: Sendable>(
        on queue: DispatchQueue,
        _ work: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}

/// When a set of files is read: at the first look, and when two looks in a row see the same that is not in use.
struct FileSetWatch: Sendable {
    private var last: [FileFingerprint?]?
    private var inUse: [FileFingerprint?]?

    /// The files were looked at.
    /// - Returns: Whether to read them.
    mutating func isReady(_ looks: [FileFingerprint?]) -> Bool {
        defer { last = looks }
        guard looks != inUse else { return false }
        return last == nil || last == looks
    }

    /// What was read is what the files hold.
    mutating func used(_ looks: [FileFingerprint?]) {
        inUse = looks
    }
}
