// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshBalancing
import MeshCore
import NIOCore
import ServiceMesh

/// Asks endpoints how they are, on connections of a transport that no request uses.
final class HTTPHealthProber: HealthProber {
    /// What probes say that they are.
    private static let userAgent = "swift-service-mesh/health-check"
    /// The most bytes of an answer of HTTP that are read, whatever its length: the status tells, and the rest is there to
    /// keep the connection.
    private static let drainLimit = 65_536

    private let transport: HTTPTransport

    init(_ transport: HTTPTransport) {
        self.transport = transport
    }

    func result(of probe: HealthProbe) async -> HealthProbeResult? {
        do {
            switch probe.check.kind {
            case .http(let check): return try await ask(probe, check)
            case .grpc(let check): return try await call(probe, check)
            case .tcp(let check): return try await transport.pools.dialer.connect(probe, check)
            }
        } catch let error as MeshError where error.code == .cancelled {
            // The transport is shut down, or the time is over: the endpoint has said nothing.
            return nil
        } catch is CancellationError {
            return nil
        } catch {
            return .failed(.init(.network, "\(error)"))
        }
    }

    // MARK: HTTP

    private func ask(_ probe: HealthProbe, _ check: HealthCheck.HTTP) async throws -> HealthProbeResult {
        guard let method = HTTPRequest.Method(rawValue: check.method) else {
            return .failed(.init(.network, "\"\(check.method)\" is no method"))
        }
        var head = HTTPRequest(
            method: method,
            scheme: probe.endpoint.scheme,
            authority: probe.authority,
            path: check.path
        )
        head.headerFields[.userAgent] = Self.userAgent
        for name in check.removedFields {
            if let name = HTTPField.Name(name.lowercased) { head.headerFields[name] = nil }
        }
        head.headerFields.add(check.addedFields)
        return try await exchange(OutboundRequest(head), probe) { response in
            // Envoy, too, waits for the end. What is long has said enough.
            try await response.body.read(upTo: Self.drainLimit)
            return check.result(status: response.statusCode) { response.value(of: $0) }
        }
    }

    // MARK: gRPC

    private func call(_ probe: HealthProbe, _ check: HealthCheck.GRPC) async throws -> HealthProbeResult {
        var head = HTTPRequest(
            method: .post,
            scheme: probe.endpoint.scheme,
            authority: probe.authority,
            path: HealthCheck.GRPC.path
        )
        head.headerFields[.userAgent] = Self.userAgent
        head.headerFields.add(check.metadata)
        head.headerFields[.contentType] = "application/grpc"
        head.headerFields[.te] = "trailers"
        // Eight digits at most, as gRPC has it.
        let timeout = min(probe.check.timeout.millisecondsRoundedUp, 99_999_999)
        head.headerFields.add([HealthCheck.HTTP.Field("grpc-timeout", "\(timeout)m", action: .overwriteOrAdd)])
        let request = OutboundRequest(head, body: .bytes(ByteBuffer(bytes: check.request)))
        return try await exchange(request, probe) { response in
            let body: ByteBuffer
            do {
                body = try await response.body.collect(upTo: HealthCheck.GRPC.maximumAnswer)
            } catch let error as MeshError where error.code == .responseTooLarge {
                return .failed(.init(.answer, "the answer is longer than any of a health check"))
            }
            return check.result(
                status: response.statusCode,
                contentType: response.value(of: "content-type"),
                grpcStatus: response.trailers?.joinedValue(of: "grpc-status") ?? response.value(of: "grpc-status"),
                body: Array(body.readableBytesView)
            )
        }
    }

    // MARK: Exchanges

    /// Sends to exactly the probe's endpoint. A request that the peer has not looked at, because it is going away, is sent
    /// again on another connection by the transport.
    private func exchange(
        _ request: OutboundRequest,
        _ probe: HealthProbe,
        _ handle: (OutboundResponse) async throws -> HealthProbeResult
    ) async throws -> HealthProbeResult {
        let now = transport.configuration.clock.now
        var context = CallContext(now: now, deadline: Deadline(probe.check.timeout, after: now))
        context.endpoint = probe.endpoint
        let response: OutboundResponse
        do {
            response = try await transport.send(request, context: &context)
        } catch let error as MeshError where error.code == .deadlineExceeded {
            return .failed(.init(.timeout, "no answer within \(probe.check.timeout.duration)"))
        }
        do {
            let result = try await handle(response)
            transport.finish(&context, .completed)
            return result
        } catch {
            transport.finish(&context, ExchangeEnding(error: error))
            guard (error as? MeshError)?.code == .deadlineExceeded else { throw error }
            return .failed(.init(.timeout, "no whole answer within \(probe.check.timeout.duration)"))
        }
    }
}

extension ResponseBody {
    /// Reads so many bytes, or to the end.
    fileprivate func read(upTo limit: Int) async throws {
        var left = limit
        for try await chunk in self {
            left -= chunk.readableBytes
            if left <= 0 { return }
        }
    }
}

extension Endpoint {
    fileprivate var scheme: String { security == .plaintext ? "http" : "https" }
}

extension HTTPFields {
    /// Adds the fields of a check, as each says.
    fileprivate mutating func add(_ fields: [HealthCheck.HTTP.Field]) {
        for field in fields {
            guard let name = HTTPField.Name(field.name.lowercased) else { continue }
            let isThere = contains(name)
            switch field.action {
            case .append: append(HTTPField(name: name, value: field.value))
            case .addIfAbsent: if !isThere { self[name] = field.value }
            case .overwriteOrAdd: self[name] = field.value
            case .overwriteIfPresent: if isThere { self[name] = field.value }
            }
        }
    }
}
