// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import Synchronization

/// Answers with the server's port, or fails with it as the message; `Echo` answers with what it is told.
final class PortService: RegistrableRPCService {
    private let services: [String]
    private let port = Atomic<Int>(0)
    private let fails = Atomic<Bool>(false)
    private let calls = Atomic<Int>(0)

    init(services: [String]) {
        self.services = services
    }

    var callCount: Int { calls.load(ordering: .relaxed) }

    func listens(at port: UInt16) {
        self.port.store(Int(port), ordering: .relaxed)
    }

    func setFailing(_ isFailing: Bool) {
        fails.store(isFailing, ordering: .relaxed)
    }

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for service in services {
            router.registerHandler(
                forMethod: MethodDescriptor(
                    service: ServiceDescriptor(fullyQualifiedService: service),
                    method: "Echo",
                    type: .unary
                ),
                deserializer: TextCoder(),
                serializer: TextCoder()
            ) { request, _ in
                let message = try await ServerRequest(stream: request).message
                return StreamingServerResponse(single: ServerResponse(message: message))
            }
            router.registerHandler(
                forMethod: MethodDescriptor(
                    service: ServiceDescriptor(fullyQualifiedService: service),
                    method: "Get",
                    type: .unary
                ),
                deserializer: TextCoder(),
                serializer: TextCoder()
            ) { request, _ in
                _ = try await ServerRequest(stream: request)
                return StreamingServerResponse(single: try self.answer())
            }
        }
    }

    private func answer() throws -> ServerResponse<String> {
        calls.wrappingAdd(1, ordering: .relaxed)
        let port = "\(port.load(ordering: .relaxed))"
        if fails.load(ordering: .relaxed) { throw RPCError(code: .unavailable, message: port) }
        return ServerResponse(message: port)
    }
}
