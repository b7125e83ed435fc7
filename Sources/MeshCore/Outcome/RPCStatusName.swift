// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The names of gRPC's statuses, for metrics, spans and logs.
public enum RPCStatusName {
    private static let names = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    /// The name of a status, 0 to 16; that of 2 for any other.
    public static func name(of status: Int) -> String {
        names.indices.contains(status) ? names[status] : names[2]
    }
}

extension CallContext {
    /// The status that a call has come to: what the response said, or what an error stands for.
    /// - Parameter error: The error that it ended with, if it did.
    public func rpcStatus(endedBy error: (any Error)?) -> Int {
        if rpcStatus >= 0 { return Int(rpcStatus) }
        guard let error else { return 1 }
        if error is CancellationError { return 1 }
        return (error as? MeshError)?.rpcStatus ?? 2
    }
}
