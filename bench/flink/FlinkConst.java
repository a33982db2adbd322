/* FlinkConst.java - numbers at a rate through two operators on Flink's local mini cluster.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     java peers.FlinkConst RATE DIR WARM-UP SECONDS chained|unchained
 *
 * Chained, the two are called by the source, in its thread; else each is a task with a thread and
 * buffers of its own, which are sent on with every record.
 */
package peers;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

public final class FlinkConst {
	private FlinkConst() {
	}

	public static void main(String[] args) throws Exception {
		String dir = args[1];
		Configuration configuration = FlinkCount.configuration(dir, "at-least-once");
		configuration.setString("execution.buffer-timeout.interval", System.getProperty("timeout", "0 ms"));
		StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
		if (args[4].equals("unchained"))
			env.disableOperatorChaining();
		env.fromSource(new DataGeneratorSource<>(new Numbers(args), Long.MAX_VALUE, Types.LONG),
				WatermarkStrategy.noWatermarks(), "numbers")
			.map(n -> n).returns(Types.LONG).name("id")
			.filter(FlinkConst::ended).name("null")
			.sinkTo(new DiscardingSink<>());
		env.execute("const-id-null");
	}

	/** ended lets nothing pass. */
	private static boolean ended(long n) {
		Pace.completed(n);
		return false;
	}

	/** Each number at the time at which it is due. */
	private static final class Numbers implements GeneratorFunction<Long, Long> {
		private static final long serialVersionUID = 1;
		private final String[] args;
		private boolean started;

		Numbers(String[] args) {
			this.args = args;
		}

		@Override
		public Long map(Long n) throws Exception {
			if (!started) {
				Pace.sharpen();
				Pace.start(Integer.parseInt(args[0]), args[1], Integer.parseInt(args[2]),
					Integer.parseInt(args[3]));
			}
			started = true;
			Pace.await(n);
			return n;
		}
	}
}
