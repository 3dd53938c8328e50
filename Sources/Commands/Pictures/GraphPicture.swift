import Aviary
import AviaryPictures

/// A traced network as a graph: its operations from the top to the bottom in the order in which they run, with lines at the
/// side for what skips some of them.
struct GraphPicture {
  private struct Box {
    let title: String
    let path: String
    let shape: String
    let color: Drawing.Color
  }

  private struct Edge {
    let from: Int
    let to: Int
    var lane = 0
  }

  private static let boxSize = (width: 400.0, height: 36.0)
  private static let gap = 16.0
  private static let lane = 11.0
  private static let top = 56.0

  private var boxes: [Box] = []
  private var edges: [Edge] = []
  private var lanes = 0

  /// - Parameter trace: with one input.
  init(_ trace: Trace) {
    var owners: [Int: Int] = [:]
    for (place, value) in trace.values.enumerated() {
      if case .input = value.source {
        owners[place] = boxes.count
        boxes.append(Box(title: "input", path: "", shape: Self.text(value.shape), color: Drawing.Color(0xf0f0f0)))
      }
    }
    for node in trace.nodes {
      let own = boxes.count
      var known: Set<Int> = []
      for operand in node.operands.compactMap({ $0 }) {
        if let owner = owners[operand], known.insert(owner).inserted { edges.append(Edge(from: owner, to: own)) }
      }
      for result in node.results { owners[result] = own }
      boxes.append(
        Box(
          title: Self.title(node.operation), path: node.path,
          shape: trace.shapes(of: node).first.map(Self.text) ?? "", color: Self.color(node.operation.name)))
    }
    assignLanes()
  }

  var count: Int { boxes.count }

  /// Each line that skips boxes has a lane of its own along them.
  private mutating func assignLanes() {
    var ends: [Int] = []
    for index in edges.indices where edges[index].to - edges[index].from > 1 {
      let free = ends.firstIndex { $0 <= edges[index].from } ?? ends.count
      if free == ends.count { ends.append(0) }
      ends[free] = edges[index].to
      edges[index].lane = free + 1
    }
    lanes = ends.count
  }

  func drawing(title: String) -> Drawing {
    let (boxWidth, boxHeight) = Self.boxSize
    let width = 2 * 20 + boxWidth + Double(lanes + 1) * Self.lane
    let height = Self.top + Double(boxes.count) * (boxHeight + Self.gap) + 10
    var drawing = Drawing(width: width, height: height, title: title)
    drawing.text(title, at: .init(x: 20, y: 26), font: .init(size: 16, isBold: true), maximumWidth: width - 40)
    func frame(_ index: Int) -> Drawing.Frame {
      .init(x: 20, y: Self.top + Double(index) * (boxHeight + Self.gap), width: boxWidth, height: boxHeight)
    }
    let stroke = Drawing.Stroke(.faint, width: 1.2)
    for edge in edges {
      let (start, end) = (frame(edge.from), frame(edge.to))
      if edge.lane == 0 {
        drawing.line(from: .init(x: start.center.x, y: start.bottom), to: .init(x: end.center.x, y: end.y), stroke)
        drawing.arrow(at: .init(x: end.center.x, y: end.y), pointingDown: true)
      } else {
        let x = start.right + Double(edge.lane) * Self.lane
        drawing.polyline(
          [
            .init(x: start.right, y: start.center.y + 6), .init(x: x, y: start.center.y + 6),
            .init(x: x, y: end.center.y - 6), .init(x: end.right, y: end.center.y - 6),
          ], .init(.series(edge.lane - 1), width: 1.4))
        drawing.arrow(at: .init(x: end.right, y: end.center.y - 6), pointingDown: false)
      }
    }
    for (index, box) in boxes.enumerated() {
      let own = frame(index)
      drawing.rectangle(own, fill: box.color, stroke: .init(.faint, width: 1))
      let shapeWidth = Drawing.width(of: box.shape, .init(size: 11.5))
      let free = boxWidth - 26 - shapeWidth
      drawing.text(
        box.title, at: .init(x: own.x + 8, y: own.center.y - (box.path.isEmpty ? 0 : 7)),
        font: .init(size: 12.5, isBold: true), maximumWidth: free)
      if !box.path.isEmpty {
        drawing.text(
          printable(box.path), at: .init(x: own.x + 8, y: own.center.y + 9), font: .init(size: 11), color: .faint,
          maximumWidth: free)
      }
      drawing.text(
        box.shape, at: .init(x: own.right - 8, y: own.center.y), font: .init(size: 11.5), horizontal: .right)
    }
    return drawing
  }

  private static func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }

  /// The name, and what a person asks first of a window.
  private static func title(_ operation: OperationDescription) -> String {
    var title = operation.name
    if let kernel = operation["kernel"]?.integers { title += " " + text(kernel) }
    if let stride = operation["stride"]?.integers, stride.contains(where: { $0 > 1 }) {
      title += ", stride \(text(stride))"
    }
    if let dilation = operation["dilation"]?.integers, dilation.contains(where: { $0 > 1 }) {
      title += ", rate \(text(dilation))"
    }
    if let groups = operation["groups"]?.integer, groups > 1 { title += ", \(groups) groups" }
    return title
  }

  private static func color(_ name: String) -> Drawing.Color {
    switch name {
    case "convolution", "transposedConvolution", "linear", "matmul", "scaledDotProductAttention", "recurrent",
      "embedding":
      Drawing.Color.palette[0].mixed(with: .white, 0.75)
    case _ where name.hasSuffix("Pool") || name == "mean" || name == "max":
      Drawing.Color.palette[4].mixed(with: .white, 0.7)
    case _ where name.hasSuffix("ormalization"): Drawing.Color(0xf0f0f0)
    case "add", "concatenated", "multiply", "subtract": Drawing.Color.palette[3].mixed(with: .white, 0.7)
    case _ where name.hasPrefix("reshaped") || name == "transposed" || name == "slice" || name == "flattened": .white
    default: Drawing.Color.palette[2].mixed(with: .white, 0.75)
    }
  }
}

extension Drawing {
  /// The head of an arrow whose point is at a place, downwards or to the left.
  fileprivate mutating func arrow(at point: Point, pointingDown: Bool) {
    let (length, half) = (6.0, 3.5)
    polygon(
      pointingDown
        ? [
          point, .init(x: point.x - half, y: point.y - length), .init(x: point.x + half, y: point.y - length),
        ]
        : [
          point, .init(x: point.x + length, y: point.y - half), .init(x: point.x + length, y: point.y + half),
        ], fill: .faint)
  }
}

extension NetworkPictures {
  /// The operations of the network for one image of the size that it is given.
  func graph() throws -> Result {
    let size = try inputSize()
    let input = Tensor(zeros: [1, loaded.preprocessing.channels.count, size.height, size.width])
    func open(_ model: some Classifier) -> Trace { tracing(input) { inference { _ = model(input) } }.trace }
    let picture = GraphPicture(open(model))
    let title = "\(name): \(loaded.predictor.architecture.name)"
    return (picture.drawing(title: title), counted(picture.count, "operation"))
  }
}
