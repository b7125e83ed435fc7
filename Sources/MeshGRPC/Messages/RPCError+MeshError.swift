// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import GRPCCore
package import MeshCore

extension Status {
    /// What an error of the mesh means to a gRPC caller, by the table of `MeshError.rpcStatus`; the reason stands in the
    /// message.
    package init(_ error: MeshError) {
        self.init(code: Status.Code(rawValue: error.rpcStatus) ?? .unknown, message: error.description)
    }
}

extension RPCError {
    /// What an error means to a gRPC caller.
    ///
    /// The mesh's go by the table of `MeshError.rpcStatus`, a cancelled task is `cancelled`, gRPC's own are what they are,
    /// and everything else is `unknown`.
    package init(mapping error: any Error) {
        switch error {
        case let error as RPCError: self = error
        case let error as any RPCErrorConvertible: self.init(error)
        case let error as MeshError:
            let status = Status(error)
            let code = RPCError.Code(status.code) ?? .unknown
            self.init(code: code, message: status.message, cause: error)
        case is CancellationError: self.init(code: .cancelled, message: "the call was cancelled")
        default: self.init(code: .unknown, message: "\(error)", cause: error)
        }
    }
}
