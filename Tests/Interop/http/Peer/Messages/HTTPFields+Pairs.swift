// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes

extension HTTPFields {
    /// Fields out of pairs of a name and a value; what is no name is left out.
    init(pairs: [[String]]) {
        self.init()
        for pair in pairs where pair.count == 2 {
            if let name = HTTPField.Name(pair[0]) { append(HTTPField(name: name, value: pair[1])) }
        }
    }

    /// The fields as pairs of a name in lower case and a value.
    var pairs: [[String]] { map { [$0.name.canonicalName, $0.value] } }
}
