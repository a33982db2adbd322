/* Settings.java - what is measured, and with which of Storm's settings.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

import java.io.Serializable;
import org.apache.storm.Config;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;

final class Settings implements Serializable {
	private static final String PACED = "latency-";
	private static final int MANY = 10_000;	// numbers a second
	private static final String PARK = "org.apache.storm.policy.WaitStrategyPark";
	final String workload;
	final String text;
	final String dir;
	final int warmUp;
	final int seconds;
	final int workers;
	final int rate;		// 0: as fast as it goes

	/** From the arguments WORKLOAD TEXT DIR WARM-UP SECONDS WORKERS; 0 workers: one JVM. */
	Settings(String[] args) {
		workload = args[0];
		text = args[1];
		dir = args[2];
		warmUp = Integer.parseInt(args[3]);
		seconds = Integer.parseInt(args[4]);
		workers = Integer.parseInt(args[5]);
		rate = workload.startsWith(PACED) ? Integer.parseInt(workload.substring(PACED.length())) : 0;
	}

	boolean isWordCount() {
		return workload.equals("wordcount");
	}

	StormTopology topology() {
		TopologyBuilder builder = new TopologyBuilder();
		builder.setSpout("source", rate > 0 ? new Tasks.Paced(this) : new Tasks.Source(this), 1);
		if (isWordCount()) {
			builder.setBolt("split", new Tasks.Split(), 1).localOrShuffleGrouping("source");
			builder.setBolt("count", new Tasks.Count(this), 1)
				.fieldsGrouping("split", new Fields("word")).allGrouping("source", Tasks.END);
		} else {
			builder.setBolt("id", new Tasks.Id(), 1).localOrShuffleGrouping("source");
			builder.setBolt("null", new Tasks.Null(), 1).localOrShuffleGrouping("id");
		}
		return builder.createTopology();
	}

	/**
	 * config is what Storm's performance guide advises, with the values that were the fastest
	 * here: one acker, a bound on what is on its way, no balancing by load where there is one
	 * task to choose from, hardly any sampling; batches only where they paid: between workers,
	 * and for const-id-null in one JVM. -DNAME=VALUE tries out others.
	 */
	Config config() {
		boolean batches = workers == 0 && !isWordCount();
		Config config = new Config();
		config.setNumWorkers(Math.max(workers, 1));
		config.setNumAckers(Integer.getInteger("ackers", 1));
		config.setMaxSpoutPending(Integer.getInteger("pending", batches ? 5000 : 1000));
		config.put(Config.TOPOLOGY_ENABLE_MESSAGE_TIMEOUTS, true);
		config.put(Config.TOPOLOGY_DISABLE_LOADAWARE_MESSAGING, true);
		config.put(Config.TOPOLOGY_STATS_SAMPLE_RATE, 0.0005);
		config.put(Config.TOPOLOGY_PRODUCER_BATCH_SIZE, Integer.getInteger("batch", batches ? 100 : 1));
		config.put(Config.TOPOLOGY_TRANSFER_BATCH_SIZE, Integer.getInteger("transfer", 100));
		config.put(Config.TOPOLOGY_WORKER_CHILDOPTS, "-Xmx1g -XX:+UseParallelGC");
		if (rate > 0)
			quick(config);
		return config;
	}

	/**
	 * quick sets what is for low latency: all who have nothing to do look again after 10 us, and not
	 * after up to 1 ms (100 us, as Storm's own park time is, was slower); no batches but those of up to
	 * 1 ms between workers at rates that they don't keep without.
	 */
	private void quick(Config config) {
		int us = Integer.getInteger("park", 10);
		config.setMaxSpoutPending(Integer.getInteger("pending", 1_000_000));
		config.put(Config.TOPOLOGY_PRODUCER_BATCH_SIZE, Integer.getInteger("batch", 1));
		config.put(Config.TOPOLOGY_TRANSFER_BATCH_SIZE, Integer.getInteger("transfer", rate > MANY ? 100 : 1));
		config.put(Config.TOPOLOGY_BATCH_FLUSH_INTERVAL_MILLIS, 1);
		config.put(Config.TOPOLOGY_SPOUT_WAIT_STRATEGY, PARK);
		config.put(Config.TOPOLOGY_SPOUT_WAIT_PARK_MICROSEC, us);
		config.put(Config.TOPOLOGY_BOLT_WAIT_STRATEGY, PARK);
		config.put(Config.TOPOLOGY_BOLT_WAIT_PARK_MICROSEC, us);
		config.put(Config.TOPOLOGY_BACKPRESSURE_WAIT_STRATEGY, PARK);
		config.put(Config.TOPOLOGY_BACKPRESSURE_WAIT_PARK_MICROSEC, us);
	}
}
