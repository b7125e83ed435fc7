// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import MeshCore
import NIOCore
public import ServiceMesh

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Keeps an instance in a control plane's registry while it runs.
///
/// Registers it, renews the lease every third of its time, registers again when the registry has forgotten it, and takes
/// it out at the end. Failures are told to the observers and tried again, with growing waits: a service serves on while
/// its control plane is away.
public struct InstanceRegistration: Sendable {
    /// How a registration behaves.
    public struct Configuration: Sendable {
        /// How connections to the control plane are protected. Default: not at all.
        public var security: Endpoint.Security
        /// The lease to reckon with when the control plane names none. Default 15 s.
        public var defaultLease: Nanoseconds
        /// The first wait after a failure; it doubles with each further one. Default 500 ms.
        public var baseBackoff: Nanoseconds
        /// The longest wait after a failure. Default 15 s.
        public var maximumBackoff: Nanoseconds
        /// How long taking the instance out may hold up the end of `run`. Default 1 s.
        public var farewellTimeout: Nanoseconds
        /// The randomness of the waits.
        public var random: MeshRandom

        /// Creates a configuration with the defaults.
        public init(
            security: Endpoint.Security = .plaintext,
            defaultLease: Nanoseconds = .seconds(15),
            baseBackoff: Nanoseconds = .milliseconds(500),
            maximumBackoff: Nanoseconds = .seconds(15),
            farewellTimeout: Nanoseconds = .seconds(1),
            random: MeshRandom = MeshRandom()
        ) {
            self.security = security
            self.defaultLease = defaultLease
            self.baseBackoff = baseBackoff
            self.maximumBackoff = maximumBackoff
            self.farewellTimeout = farewellTimeout
            self.random = random
        }
    }

    private let endpoint: Endpoint
    private let token: String
    private let instance: Instance
    private let transport: HTTPTransport
    private let observers: ObserverSet
    private let configuration: Configuration

    /// Creates a registration; `run` makes it happen.
    /// - Parameters:
    ///   - controlPlane: Where the registry listens.
    ///   - token: What proves to the registry that this process may register.
    ///   - instance: What to register.
    ///   - transport: What carries the requests; its clock is the one that leases are measured by.
    ///   - observers: Who hears of success and failure, as `MeshEvent.sourceConnection` of the source `registration`.
    ///   - configuration: How the registration behaves.
    public init(
        controlPlane: EndpointAddress,
        token: String,
        instance: Instance,
        transport: HTTPTransport,
        observers: ObserverSet = .none,
        configuration: Configuration = Configuration()
    ) {
        self.endpoint = Endpoint(address: controlPlane, security: configuration.security)
        self.token = token
        self.instance = instance
        self.transport = transport
        self.observers = observers
        self.configuration = configuration
    }

    /// Keeps the instance registered until the task is cancelled, and takes it out then.
    /// - Parameter drain: The instance's way out: when it begins, the control plane is told to send nothing new here. A
    ///   control plane that does not know of that takes it for a renewal, and learns of the end at the end.
    /// - Throws: `CancellationError`; `MeshError` with code `unauthorized` when the control plane refuses the token.
    public func run(drain: ServerDrain? = nil) async throws {
        let clock = transport.configuration.clock
        var machine = RegistrationStateMachine(
            baseBackoff: configuration.baseBackoff,
            maximumBackoff: configuration.maximumBackoff
        )
        var request = RegistrationStateMachine.Request.register
        do {
            while true {
                let result = await send(request, timeout: machine.requestTimeout)
                try Task.checkCancellation()
                tell(result)
                switch machine.answered(result.answer, at: clock.now, using: configuration.random) {
                case .send(let next, let instant):
                    request = next
                    if try await wait(until: instant, or: machine.isDraining ? nil : drain) {
                        request = machine.drainingBegan() ?? next
                    }
                case .stop:
                    throw MeshError(
                        .unauthorized,
                        origin: .upstream,
                        requestState: .answered,
                        message: "the control plane at \(endpoint.address) refuses the registration: \(result.reason)"
                    )
                }
            }
        } catch is CancellationError {
            // This task is cancelled and could not send: another one says farewell, and is awaited right here.
            await Task { await sayFarewell() }.value
            throw CancellationError()
        }
    }

    /// - Returns: Whether the instance begins to drain before that.
    private func wait(until instant: MeshInstant, or drain: ServerDrain?) async throws -> Bool {
        let clock = transport.configuration.clock
        guard let drain else {
            try await clock.sleep(until: instant)
            return false
        }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await clock.sleep(until: instant)
                return false
            }
            group.addTask {
                try await drain.untilDraining()
                return true
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    // MARK: Requests

    private struct Renewal: Encodable {
        var state: String
    }

    private struct Result {
        var answer: RegistrationStateMachine.Answer
        var reason: String
    }

    private struct Grant: Decodable {
        var leaseSeconds: Double
    }

    private func send(_ request: RegistrationStateMachine.Request, timeout: Nanoseconds) async -> Result {
        do {
            let (status, body) =
                switch request {
                case .register:
                    try await exchange(.post, path: "/v1/instances", body: encoded(instance), timeout: timeout)
                case .renew: try await exchange(.put, path: instancePath, timeout: timeout)
                case .drain:
                    try await exchange(
                        .put,
                        path: instancePath,
                        body: encoded(Renewal(state: "draining")),
                        timeout: timeout
                    )
                }
            return interpret(status, body)
        } catch {
            return Result(answer: .failed, reason: "\(error)")
        }
    }

    private func interpret(_ status: HTTPResponse.Status, _ body: ByteBuffer) -> Result {
        let reason = "status \(status.code) \(String(buffer: body).prefix(500))"
        switch status.code {
        case 200..<300:
            let grant = try? JSONDecoder().decode(Grant.self, from: Data(body.readableBytesView))
            // A lease of nonsense is no reason to hammer the control plane, nor to trap on a conversion.
            let lease = grant.map { min(max($0.leaseSeconds, 1), 86_400) }
            return Result(
                answer: .accepted(lease: lease.map { Nanoseconds(rawValue: UInt64($0 * 1e9)) } ?? defaultLease),
                reason: reason
            )
        case 401, 403: return Result(answer: .refused, reason: reason)
        case 404: return Result(answer: .missing, reason: reason)
        default: return Result(answer: .failed, reason: reason)
        }
    }

    private func sayFarewell() async {
        do {
            _ = try await exchange(.delete, path: instancePath, timeout: configuration.farewellTimeout)
            observers.noticed(.sourceConnection(source: Self.source, isConnected: false, reason: "unregistered"))
        } catch {
            // The lease takes the instance out, a little later.
            observers.noticed(.sourceConnection(source: Self.source, isConnected: false, reason: "\(error)"))
        }
    }

    private func exchange(
        _ method: HTTPRequest.Method,
        path: String,
        body: RequestBody = .none,
        timeout: Nanoseconds
    ) async throws -> (HTTPResponse.Status, ByteBuffer) {
        var head = HTTPRequest(
            method: method,
            scheme: "http",
            authority: endpoint.address.description,
            path: path,
            headerFields: [.authorization: "Bearer \(token)", .accept: "application/json"]
        )
        if case .bytes = body.content { head.headerFields[.contentType] = "application/json" }
        let now = transport.configuration.clock.now
        var context = CallContext(now: now, deadline: Deadline(timeout, after: now))
        context.endpoint = endpoint
        return try await transport.withResponse(
            to: OutboundRequest(head, body: body),
            context: &context
        ) { response in
            (response.head.status, try await response.body.collect(upTo: 64 * 1024))
        }
    }

    private func encoded(_ body: some Encodable) throws -> RequestBody {
        .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    }

    private func tell(_ result: Result) {
        let isConnected = if case .accepted = result.answer { true } else { false }
        observers.noticed(
            .sourceConnection(source: Self.source, isConnected: isConnected, reason: isConnected ? nil : result.reason)
        )
    }

    private var defaultLease: Nanoseconds { configuration.defaultLease }

    private var instancePath: String {
        "/v1/instances/" + instance.id.percentEncoded
    }

    private static let source = "registration"
}

extension String {
    /// The string as one segment of a path: everything but RFC 3986's unreserved characters is encoded.
    fileprivate var percentEncoded: String {
        var encoded = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
