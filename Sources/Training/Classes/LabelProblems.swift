import AviaryDiagnostics
import AviaryTensors

/// Labels that are probably wrong, by what a network that did not learn from them says: the items in the order of their
/// losses, the largest first.
///
/// An item's label is probably wrong where the network is as sure of another class as it is, on average, of the items that
/// are labelled so (Northcutt et al., "Confident Learning", 2021).
public struct LabelProblems: Sendable {
  /// A labelled item, and what the network says of it.
  public struct Item: Equatable, Sendable {
    /// The file, or the row, that it is.
    public let name: String
    /// The label that it has, a place in `classes`.
    public let label: Int
    /// The class that is predicted, a place in `classes`.
    public let predicted: Int
    /// How probable its label is to the network.
    public let labelProbability: Double
    /// How probable the predicted class is.
    public let predictedProbability: Double
    /// −log of the label's probability.
    public let loss: Double
    /// The class that it probably is of; nil where the label may stay.
    public let suggested: Int?
  }

  /// A labelled item, the class that is predicted of it, and the probabilities of all classes.
  public typealias Prediction = (name: String, label: Int, predicted: Int, probabilities: [Double])

  /// The names of the classes.
  public let classes: [String]
  /// All items, those with the largest loss first.
  public let items: [Item]

  /// - Parameter predictions: of all items.
  public init(classes: [String], _ predictions: [Prediction]) {
    self.classes = classes
    var sums = Array(repeating: 0.0, count: classes.count)
    var counts = Array(repeating: 0, count: classes.count)
    for prediction in predictions {
      ensure(
        classes.indices.contains(prediction.label) && classes.indices.contains(prediction.predicted)
          && prediction.probabilities.count == classes.count,
        "LabelProblems: label \(prediction.label), prediction \(prediction.predicted) and \(prediction.probabilities.count) probabilities"
      )
      sums[prediction.label] += prediction.probabilities[prediction.label]
      counts[prediction.label] += 1
    }
    // A class that no item is labelled with is never suggested.
    let sure = zip(sums, counts).map { $1 > 0 ? $0 / Double($1) : .infinity }
    items = predictions.map { prediction in
      let shares = prediction.probabilities
      let order = shares.indices.sorted { (shares[$0], $1) > (shares[$1], $0) }
      let own = shares[prediction.label]
      let confident = order.first { shares[$0] >= sure[$0] }
      return Item(
        name: prediction.name, label: prediction.label, predicted: prediction.predicted, labelProbability: own,
        predictedProbability: shares[prediction.predicted], loss: -logarithm(max(own, .leastNormalMagnitude)),
        suggested: confident == prediction.label ? nil : confident)
    }.sorted { ($0.loss, $1.name) > ($1.loss, $0.name) }
  }

  /// How many labels are probably wrong.
  public var count: Int { items.count { $0.suggested != nil } }

  /// The list as CSV with a header. Names stand as they are, in quotation marks where they need them.
  public var csv: String {
    var lines = ["item,label,predicted,label_probability,predicted_probability,loss,suggested"]
    for item in items {
      let numbers = [item.labelProbability, item.predictedProbability, item.loss].map { "\(significant($0, 6))" }
      lines.append(
        ([item.name, classes[item.label], classes[item.predicted]].map(Self.quoted) + numbers
          + [Self.quoted(item.suggested.map { classes[$0] } ?? "")]).joined(separator: ","))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func quoted(_ field: String) -> String {
    guard field.utf8.contains(where: { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }) else { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }
}
