// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests

extension Diagnostic {
    /// The diagnostic in one line without its severity, which commands put in front: `file:line:column: message [MM0101]`.
    var lineOfText: String {
        let place = line > 0 ? "\(file):\(line):\(column)" : file
        return "\(place): \(message) [\(code)]"
    }
}
