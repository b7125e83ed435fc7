// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// Where a call's request is written to.
struct RequestWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCRequestPart<RPCBytes>

    private let call: RPCCall

    init(_ call: RPCCall) {
        self.call = call
    }

    /// Takes a part; returns when there is room for another one.
    func write(_ part: RPCRequestPart<RPCBytes>) async throws {
        switch part {
        case .metadata(let metadata): try call.outgoing.write(metadata)
        case .message(let message): try await call.outgoing.write(message)
        }
    }

    func write(contentsOf parts: some Sequence<RPCRequestPart<RPCBytes>>) async throws {
        for part in parts { try await write(part) }
    }

    func finish() async {
        call.outgoing.finish()
    }

    func finish(throwing error: any Error) async {
        call.outgoing.finish(throwing: error)
    }
}
