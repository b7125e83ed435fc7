// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// What the process's environment says about the mesh.
public enum ProcessEnvironment {
    /// Whether `MESH_DISABLED` is `1` or `true`, which turns every wrapper of the mesh into a pass-through.
    public static var isMeshDisabled: Bool {
        guard let value = getenv("MESH_DISABLED") else { return false }
        return ["1", "true"].contains(String(cString: value).lowercased())
    }
}
