import Aviary
import AviaryDiagnostics

/// Tensors as a tree of path components, in the order of the file, with the elements and bytes below each.
struct TensorTree {
  private struct Node {
    /// The component, with the dot or slash before it, if any.
    let name: String
    let depth: Int
    var children: [Int] = []
    /// Position among the items.
    var item: Int?
    var hasNumbers = false
    var numbers = 0
    var bytes = 0
  }

  private struct Place: Hashable {
    let parent: Int
    let name: ExactText
  }

  /// What stands in the row of a tensor, or of an object that is none.
  private struct Item {
    let path: String
    let shape: String
    let kind: String
    let array: StoredArray?
  }

  private let items: [Item]
  private var nodes = [Node(name: "", depth: 0)]

  /// Paths in a hostile file may have any number of components: deeper ones stay in one piece.
  private static let depthLimit = 32

  init(_ entries: [Checkpoint.Entry], _ objects: [Checkpoint.ListedObject] = []) {
    items =
      entries.map { Item(path: $0.path, shape: "\($0.array.shape)", kind: $0.array.kind, array: $0.array) }
      + objects.map { Item(path: $0.path, shape: $0.shape.map { "\($0)" } ?? "", kind: $0.type, array: nil) }
    var places: [Place: Int] = [:]
    for (number, item) in items.enumerated() {
      var parent = 0
      count(item.array, at: parent)
      for name in Self.components(item.path) {
        let place = Place(parent: parent, name: ExactText(name))
        if let known = places[place] {
          parent = known
        } else {
          nodes.append(Node(name: name, depth: nodes[parent].depth + 1))
          nodes[parent].children.append(nodes.count - 1)
          places[place] = nodes.count - 1
          parent = nodes.count - 1
        }
        count(item.array, at: parent)
      }
      nodes[parent].item = number
    }
  }

  private mutating func count(_ array: StoredArray?, at node: Int) {
    guard let array else { return }
    nodes[node].hasNumbers = true
    nodes[node].numbers += array.count
    nodes[node].bytes += array.bytes.count
  }

  /// The parts of a path, each but the first with the dot or slash before it.
  private static func components(_ path: String) -> [String] {
    var parts: [String] = []
    var part = ""
    for character in path {
      if character == "." || character == "/", !part.isEmpty, parts.count < depthLimit - 1 {
        parts.append(part)
        part = ""
      }
      part.append(character)
    }
    return parts + [part]
  }

  /// One row per node: its name indented by its depth, shape, type, elements and bytes. A node with a single child shares
  /// its child's row.
  var rows: [[String]] {
    var rows = [["path", "shape", "dtype", "numbers", "bytes"]]
    var open = nodes[0].children.reversed().map { (node: $0, indent: 0) }
    while let (start, indent) = open.popLast() {
      var node = nodes[start]
      var name = indent == 0 ? node.name : String(node.name.drop { $0 == "." || $0 == "/" })
      while node.item == nil, node.children.count == 1, let child = node.children.first {
        node = nodes[child]
        name += node.name
      }
      let item = node.item.map { items[$0] }
      rows.append([
        String(repeating: "  ", count: indent) + name, item?.shape ?? "", ObjectReport.short(item?.kind ?? "", 60),
        node.hasNumbers ? grouped(node.numbers) : "", node.hasNumbers ? grouped(node.bytes) : "",
      ])
      open += node.children.reversed().map { (node: $0, indent: indent + 1) }
    }
    return rows
  }
}

extension StoredArray {
  /// The type of the elements, and whether they are quantized.
  var kind: String { quantization == nil ? dtype.rawValue : "\(dtype.rawValue) quantized" }
}
