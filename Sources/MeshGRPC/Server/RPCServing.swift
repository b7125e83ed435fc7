// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshBalancing
import MeshCore
import MeshHTTP
import NIOCore

/// Turns calls of the HTTP server into RPCs of grpc-swift.
struct RPCServing: Sendable {
    typealias Stream = RPCStream<MeshServerTransport.Inbound, MeshServerTransport.Outbound>

    private let configuration: MeshServerTransport.Configuration
    /// The methods that are known, by their paths.
    private let methods: [String: MethodDescriptor]
    private let load: LoadRecorder?
    private let coders: MessageCoders
    private let random: MeshRandom
    private let handler: @concurrent @Sendable (Stream, ServerContext) async -> Void

    init(
        _ configuration: MeshServerTransport.Configuration,
        methods: [MethodDescriptor],
        load: LoadRecorder?,
        random: MeshRandom,
        handler: @escaping @concurrent @Sendable (Stream, ServerContext) async -> Void
    ) {
        self.configuration = configuration
        self.methods = Dictionary(methods.map { ("/\($0.fullyQualifiedMethod)", $0) }) { first, _ in first }
        self.load = load
        self.coders = MessageCoders(configuration.compression)
        self.random = random
        self.handler = handler
    }

    /// Serves one call, from its head to its status.
    func serve(_ call: InboundCall) async -> InboundEnding {
        if let refusal = Self.refusal(of: call) {
            try? await call.answer(refusal)
            return InboundEnding(status: refusal.status.code)
        }
        let writer = ServedCall(call, method(of: call), configuration, coders, load)
        let coder: MessageCoder?
        do throws(RPCError) {
            coder = try check(call.head)
        } catch {
            let status = Status(code: Status.Code(error.code), message: error.message)
            try? await writer.responses.write(.status(status, [:]))
            return writer.ended()
        }
        await handle(call, writer, unfolding: coder)
        return writer.ended()
    }

    private func handle(_ call: InboundCall, _ writer: ServedCall, unfolding coder: MessageCoder?) async {
        // Without a stack nobody has looked at the caller's deadline yet.
        if InboundContext.current == nil,
            let timeout = call.head.headerFields[.grpcTimeout].flatMap(TimeoutHeaders.grpcTimeout)
        {
            call.limit(to: timeout)
        }
        let parts = RequestParts(
            metadata: Metadata(call.head.headerFields),
            body: call.body,
            maximumMessageBytes: configuration.maximumRequestMessageBytes,
            coder: coder,
            traffic: writer.traffic
        )
        let stream = Stream(
            descriptor: writer.method,
            inbound: RPCAsyncSequence(wrapping: parts),
            outbound: RPCWriter.Closable(wrapping: writer.responses)
        )
        await CallLoadRecorder.$current.withValue(writer.recorder) {
            await withServerContextRPCCancellationHandle { cancellation in
                var context = ServerContext(
                    descriptor: writer.method,
                    remotePeer: Self.description(of: call.channel.remoteAddress),
                    localPeer: Self.description(of: call.channel.localAddress),
                    cancellation: cancellation
                )
                context.transportSpecific = MeshServerContext(peer: call.peer, authority: call.head.authority)
                await withTaskCancellationHandler {
                    await handler(stream, context)
                } onCancel: {
                    // The caller has left, or its deadline has passed.
                    cancellation.cancel()
                }
            }
        }
    }

    /// What is answered to requests that are no RPCs (gRPC over HTTP/2, "Responses"); `nil` for RPCs.
    private static func refusal(of call: InboundCall) -> HTTPResponse? {
        guard let type = call.head.headerFields[.contentType], LocalReply.isGRPC(type) else {
            return HTTPResponse(status: .unsupportedMediaType)
        }
        guard call.isHTTP2 else { return HTTPResponse(status: .init(code: 505)) }
        return call.head.method == .post ? nil : HTTPResponse(status: .methodNotAllowed)
    }

    /// - Returns: What unfolds the request's messages; `nil` for messages that are not compressed.
    private func check(_ head: HTTPRequest) throws(RPCError) -> MessageCoder? {
        let coder = try coders.forReading(head.headerFields[.grpcEncoding])
        try configuration.metadata.check(head.headerFields.metadataBytes, random: random.next())
        return coder
    }

    /// The method of a path; one that nobody knows is for grpc-swift to refuse.
    private func method(of call: InboundCall) -> MethodDescriptor {
        let path = call.head.path ?? ""
        if let known = methods[path] { return known }
        let parts = path.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return MethodDescriptor(
            fullyQualifiedService: parts.first.map(String.init) ?? "",
            method: parts.count > 1 ? String(parts[1]) : ""
        )
    }

    /// An address by gRPC's naming conventions.
    private static func description(of address: SocketAddress?) -> String {
        switch address {
        case .v4?: "ipv4:\(address?.ipAddress ?? ""):\(address?.port ?? 0)"
        case .v6?: "ipv6:[\(address?.ipAddress ?? "")]:\(address?.port ?? 0)"
        case .unixDomainSocket?: "unix:\(address?.pathname ?? "")"
        case nil: "unknown"
        }
    }
}

/// The response of one RPC, and what is reported of its load.
private struct ServedCall: Sendable {
    let method: MethodDescriptor
    let recorder: CallLoadRecorder
    let responses: ResponseWriter
    let traffic = RPCTraffic()
    private let load: LoadRecorder?

    init(
        _ call: InboundCall,
        _ method: MethodDescriptor,
        _ configuration: MeshServerTransport.Configuration,
        _ coders: MessageCoders,
        _ load: LoadRecorder?
    ) {
        let recorder = CallLoadRecorder()
        self.method = method
        self.recorder = recorder
        self.load = load
        self.responses = ResponseWriter(
            call,
            isStreaming: method.type?.isResponseStreaming ?? true,
            maximumMessageBytes: configuration.maximumResponseMessageBytes,
            coders: coders,
            traffic: traffic
        ) { recorder.report(over: load) }
    }

    /// The RPC is over. A handler that wrote no status has failed; its caller's stream is reset.
    func ended() -> InboundEnding {
        let status = responses.status ?? Status(code: .internalError, message: "the handler wrote no status")
        load?.callEnded(succeeded: status.code == .ok)
        // A status that the application chose is an answer, as HTTP's statuses are, and no error of the mesh's.
        return InboundEnding(status: 200, rpcStatus: status.code.rawValue, messageBytes: traffic.bytes)
    }
}
