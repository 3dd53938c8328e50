/// What is to be said of a map that shows nothing, because it is the same everywhere; nil where places differ.
///
/// - Parameters:
///   - values: the map's numbers, in any order.
///   - method: how it was made.
///   - name: the class that is explained.
package func flatRemark(_ values: [Float], by method: String, of name: String) -> String? {
  guard let first = values.first, values.allSatisfy({ $0 == first }) else { return nil }
  return first == 0
    ? "the map is zero everywhere: by \(method), nothing in the image counts for '\(name)'"
    : "the map is the same everywhere: by \(method), no part of the image counts more for '\(name)' than another"
}
