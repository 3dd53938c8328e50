// A table: a preparation that is fitted to the training rows, a network, and estimates for new rows.
import Aviary
import Foundation

let folder = FileManager.default.temporaryDirectory.appendingPathComponent("table-\(UUID())")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)

/// Ice cream sold in a week: more in summer, and less at a higher price.
func sales(_ weeks: Range<Int>) -> String {
  weeks.reduce(into: "month,price,weather,sold\n") { text, week in
    let (month, price) = (week % 12 + 1, Double(2 + week * 7 % 5))
    let isSunny = week * 5 % 3 > 0
    let sold = 60 - 40 * cos(Double(month) / 6 * .pi) - 6 * price + (isSunny ? 20 : 0)
    text += "2026-\(month < 10 ? "0" : "")\(month)-15,\(price),\(isSunny ? "sun" : "rain"),\(sold.rounded())\n"
  }
}
try sales(0..<300).write(to: folder.appendingPathComponent("sales.csv"), atomically: true, encoding: .utf8)
try sales(300..<330).write(to: folder.appendingPathComponent("new.csv"), atomically: true, encoding: .utf8)

// Means, deviations, words and bounds come from the training rows alone.
let table = try Table(csv: folder.path + "/sales.csv")
var settings = TableSettings(target: "sold")
settings.dates = DateSettings(columns: ["month"], parts: [.month], isCyclical: true)
let data = try PreparedTable<TablePreprocessing>(table, settings, validation: 0.1, test: 0.1, seed: 1)
print(data.preprocessing.featureNames)

let model = Sequential([Linear(data.preprocessing.featureCount, 16), Activation.tanh, Linear(16, 1)])
model.initialize(seed: 1)
let options = TrainingOptions(epochs: 30, optimizer: .init(.adam, learningRate: 0.02))
let report = try fit(SupervisedTask(model, on: data.parts, options, items: "rows"), options, in: folder.path + "/run")
print("validation loss", report.summary?.bestLoss ?? .nan)

// New rows are prepared as the training rows were, whatever they look like.
let predictor = ExamplePredictor(model, data.preprocessing)
let rows = try data.preprocessing.examples(of: data.preprocessing.table(csv: folder.path + "/new.csv"))
print(predictor.estimates(rows.inputs).prefix(3))
let error = predictor.regression(rows).meanAbsoluteError ?? .nan
try FileManager.default.removeItem(at: folder)
exit(error < 8 ? 0 : 1)
